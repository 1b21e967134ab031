//! Gives up, before anything is read, the rights that a recorder will not need.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use vmrec_sampler::RightsNeeded;

use crate::commands::record::args::RecordArgs;

/// Gives up what recording into the file at `path` does not take, unless a command is to be started: it
/// shall be as it is without vmrec. No thread may have been started.
pub(super) fn give_up(args: &RecordArgs, path: &Path) {
    if !args.launch.is_empty() || args.triggers.starts_programs() {
        return;
    }
    let writes_more = args.report.is_some() || args.chart.is_some();
    vmrec_sampler::give_up_rights(RightsNeeded {
        writes_others_files: writes_more || !is_own(path, vmrec_sampler::own_user_id()),
        stacks: args.stacks.is_some(),
    });
}

/// Returns whether `user` may write a file, and others beside it, by its mode alone.
fn is_own(path: &Path, user: u32) -> bool {
    let permits = |path: &Path, mode: u32| match fs::metadata(path) {
        Ok(there) => Some(there.uid() == user && there.mode() & mode == mode),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(_) => Some(false),
    };
    if permits(path, 0o600) == Some(false) {
        return false;
    }
    // Links lead to where the file is; folders that are not there yet are made.
    let path = fs::canonicalize(path).or_else(|_| std::path::absolute(path));
    let Ok(path) = path else { return false };
    let folders = path.ancestors().skip(1);
    folders.into_iter().find_map(|folder| permits(folder, 0o300)).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_own_if_its_folder_and_itself_may_be_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let user = fs::metadata(folder.path()).unwrap().uid();
        let file = folder.path().join("a.db");
        assert!(is_own(&file, user) && !is_own(&file, user + 1));
        assert!(is_own(&folder.path().join("new/folder/a.db"), user));
        fs::write(&file, "").unwrap();
        assert!(is_own(&file, user));
        fs::set_permissions(&file, Permissions::from_mode(0o400)).unwrap();
        assert!(!is_own(&file, user));
        fs::remove_file(&file).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o500)).unwrap();
        assert!(!is_own(&file, user));
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    }
}
