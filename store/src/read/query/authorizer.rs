//! Authorizes the statements of readers. A read-only connection protects the
//! file, but could still attach, and so create, other files.

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// Returns a denial otherwise.
pub(crate) const REFUSED: &str =
    "only statements that read are run: SELECT, WITH, VALUES, EXPLAIN, PRAGMA table_info";

/// Pragmas that describe a file; others set something, some even without a value.
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

/// Those whose argument names an object instead of setting a value.
const TAKE_A_NAME: [&str; 7] = [
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Allows actions that only read.
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
