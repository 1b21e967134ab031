//! Which process another one descends from, for `--tree`.

/// The process that starts the helpers of applications.
const LAUNCHD: u32 = 1;

/// Returns the parent that the list shows for the process `pid`: a helper that launchd started
/// (Safari's pages, extensions) belongs to the process that is responsible for it.
pub(crate) const fn listed_parent(pid: u32, parent: u32, responsible: Option<u32>) -> u32 {
    match responsible {
        Some(other) if parent == LAUNCHD && other != pid && other > LAUNCHD => other,
        _ => parent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helpers_belong_to_the_process_they_work_for() {
        assert_eq!(listed_parent(50, 1, Some(40)), 40);
        // An application is responsible for itself; a child of a shell stays its child.
        assert_eq!(listed_parent(40, 1, Some(40)), 1);
        assert_eq!(listed_parent(50, 30, Some(40)), 30);
        assert_eq!(listed_parent(50, 1, None), 1);
        assert_eq!(listed_parent(50, 1, Some(1)), 1);
    }
}
