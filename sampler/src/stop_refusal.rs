//! Why a process may not be stopped and looked into.

use std::fmt;

/// The reason that decides; each has a remedy of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopRefusal {
    /// It is vmrec itself.
    Itself,
    /// Another process traces it, such as a debugger.
    Traced {
        /// The tracer.
        tracer_pid: u32,
        /// Its name, where known.
        tracer: String,
    },
    /// Yama permits it to nobody until the next boot (ptrace_scope 3).
    YamaNobody,
    /// Yama permits it to those with CAP_SYS_PTRACE only (ptrace_scope 2).
    YamaAdmin,
    /// Yama permits it to its own parents only (ptrace_scope 1).
    YamaParents,
    /// It belongs to another user.
    OtherUser {
        /// The owner's user number.
        user_id: u32,
    },
    /// It has rights that vmrec lacks, or shut itself off (`PR_SET_DUMPABLE`).
    ShutOff,
    /// Something else forbids it: a container's filter of system calls, or a security module.
    Forbidden,
}

impl fmt::Display for StopRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Itself => f.write_str("it is vmrec itself"),
            Self::Traced { tracer_pid, tracer } => {
                write!(f, "{tracer} (pid {tracer_pid}) traces it")
            }
            Self::YamaNobody => f.write_str("Yama forbids it to everybody (ptrace_scope is 3)"),
            Self::YamaAdmin => {
                f.write_str("Yama permits it with CAP_SYS_PTRACE only (ptrace_scope is 2)")
            }
            Self::YamaParents => {
                f.write_str("Yama permits it to its own parents only (ptrace_scope is 1)")
            }
            Self::OtherUser { user_id } => write!(f, "it belongs to user {user_id}"),
            Self::ShutOff => f.write_str("it has rights that vmrec lacks, or it shut itself off"),
            Self::Forbidden => {
                f.write_str("a filter of system calls or a security module forbids ptrace")
            }
        }
    }
}

/// The facts that a refusal is derived from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rights {
    /// Whether vmrec has CAP_SYS_PTRACE.
    pub(crate) may_trace_all: bool,
    /// vmrec's effective user number.
    pub(crate) own_user_id: Option<u32>,
    /// The process's owner.
    pub(crate) user_id: Option<u32>,
    /// Its tracer and the tracer's name.
    pub(crate) tracer: Option<(u32, String)>,
    /// Yama's ptrace_scope; `None` without Yama.
    pub(crate) yama: Option<u64>,
}

impl Rights {
    /// Returns which of the facts forbids to stop the process.
    pub(crate) fn refusal(&self) -> StopRefusal {
        if let Some((tracer_pid, tracer)) = &self.tracer {
            return StopRefusal::Traced { tracer_pid: *tracer_pid, tracer: tracer.clone() };
        }
        let other_user = self.user_id.filter(|user| Some(*user) != self.own_user_id);
        match (self.yama, self.may_trace_all, other_user) {
            (Some(3), ..) => StopRefusal::YamaNobody,
            (_, true, _) => StopRefusal::Forbidden,
            (_, false, Some(user_id)) => StopRefusal::OtherUser { user_id },
            (Some(2), false, None) => StopRefusal::YamaAdmin,
            (Some(1), false, None) => StopRefusal::YamaParents,
            (_, false, None) => StopRefusal::ShutOff,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_of_rights_has_its_reason() {
        let plain = Rights {
            own_user_id: Some(1000),
            user_id: Some(1000),
            yama: Some(0),
            ..Rights::default()
        };
        let with = |change: fn(&mut Rights)| {
            let mut rights = plain.clone();
            change(&mut rights);
            rights.refusal()
        };
        assert_eq!(plain.refusal(), StopRefusal::ShutOff);
        assert_eq!(with(|it| it.yama = Some(1)), StopRefusal::YamaParents);
        assert_eq!(with(|it| it.yama = Some(2)), StopRefusal::YamaAdmin);
        assert_eq!(with(|it| it.user_id = Some(0)), StopRefusal::OtherUser { user_id: 0 });
        assert_eq!(with(|it| it.may_trace_all = true), StopRefusal::Forbidden);
        let nobody = |it: &mut Rights| {
            it.yama = Some(3);
            it.may_trace_all = true;
        };
        assert_eq!(with(nobody), StopRefusal::YamaNobody);
        let traced = with(|it| it.tracer = Some((7, "gdb".into())));
        assert_eq!(traced.to_string(), "gdb (pid 7) traces it");
    }
}
