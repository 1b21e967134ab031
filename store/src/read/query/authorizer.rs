//! What a reader's statement may do. A read-only connection keeps the file as it is, but would
//! still attach, and so make, other files.

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// Says so where it may not.
pub(crate) const REFUSED: &str =
    "only statements that read are run: SELECT, WITH, VALUES, EXPLAIN, PRAGMA table_info";

/// What describes a file; other pragmas set something, some even without a value.
const PRAGMAS: [&str; 17] = [
    "application_id",
    "collation_list",
    "compile_options",
    "database_list",
    "foreign_key_list",
    "freelist_count",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "module_list",
    "page_count",
    "page_size",
    "table_info",
    "table_list",
    "table_xinfo",
    "user_version",
];

/// Those of them whose value names what is described instead of setting it.
const TAKE_A_NAME: [&str; 7] = [
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Allows what reads.
pub(crate) fn authorize(context: AuthContext<'_>) -> Authorization {
    let reads = match context.action {
        AuthAction::Select
        | AuthAction::Read { .. }
        | AuthAction::Function { .. }
        | AuthAction::Recursive => true,
        AuthAction::Pragma { pragma_name, pragma_value } => {
            let among =
                |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(pragma_name));
            among(&PRAGMAS) && (pragma_value.is_none() || among(&TAKE_A_NAME))
        }
        _ => false,
    };
    if reads { Authorization::Allow } else { Authorization::Deny }
}
