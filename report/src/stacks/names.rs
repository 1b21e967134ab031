//! Names of functions in few words, and which function of a stack acted.

/// Functions that get memory for others, or give it back for them, without leading `_`.
const ALLOCATORS: [&str; 24] = [
    "malloc",
    "calloc",
    "realloc",
    "free",
    "memalign",
    "posix_memalign",
    "aligned_alloc",
    "mmap",
    "mmap64",
    "mremap",
    "munmap",
    "madvise",
    "brk",
    "sbrk",
    "memset",
    "memcpy",
    "memmove",
    "operator new",
    "operator delete",
    "PyObject_Malloc",
    "PyObject_Realloc",
    "PyObject_Free",
    "allocate_from_new_pool",
    "new_arena",
];

/// Returns the index of the innermost function that has a name and did not get memory for another;
/// if there is none, of the innermost one that has a name.
pub(crate) fn first_acting<'a>(
    innermost_first: impl Iterator<Item = Option<&'a str>> + Clone,
) -> usize {
    let acts = |function: Option<&str>| {
        let name = function.map(without_parameters);
        name.is_some_and(|name| {
            !ALLOCATORS.contains(&name.trim_start_matches('_').trim_end_matches("[]"))
        })
    };
    let named = |function: Option<&str>| function.is_some();
    let first = innermost_first.clone().position(acts);
    first.or_else(|| innermost_first.clone().position(named)).unwrap_or(0)
}

/// Returns the name of a function of C++ without the list of its parameters.
pub(crate) fn without_parameters(name: &str) -> &str {
    let trimmed = name.strip_suffix(" const").unwrap_or(name);
    if !trimmed.ends_with(')') {
        return name;
    }
    let mut depth = 0_u32;
    for (at, c) in trimmed.char_indices().rev() {
        match c {
            ')' => depth += 1,
            '(' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return if at > 0 { &trimmed[..at] } else { name };
        }
    }
    name
}

/// Returns the name of a function without the list of its parameters, and with `<…>` in place of
/// the arguments of templates. A name that does not balance, as that of `operator<`, keeps them.
pub(crate) fn brief(name: &str) -> String {
    let name = without_parameters(name);
    let mut brief = String::with_capacity(name.len());
    let (mut depth, mut before) = (0_u32, ' ');
    for c in name.chars() {
        match c {
            // `<T as Trait>::method` begins with its type.
            '<' if depth > 0 || before.is_alphanumeric() || before == '_' => depth += 1,
            '>' if depth > 0 && before != '-' => {
                depth -= 1;
                if depth == 0 {
                    brief.push_str("<…>");
                }
            }
            c if depth == 0 => brief.push(c),
            _ => {}
        }
        before = c;
    }
    if depth > 0 || name.contains("operator") { name.to_owned() } else { brief }
}

/// Returns whether a function has a name, in full or in brief.
pub(crate) fn is_called(function: &str, name: &str) -> bool {
    function == name || brief(function) == name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_parameters_and_the_arguments_of_templates() {
        let names = [
            (
                "std::vector<int, std::allocator<int> >::push_back(int const&)",
                "std::vector<…>::push_back",
            ),
            ("run(std::function<void (int)>) const", "run"),
            (
                "<alloc::vec::Vec<T> as core::ops::Drop>::drop",
                "<alloc::vec::Vec<…> as core::ops::Drop>::drop",
            ),
            ("A<&(f(int))>::g", "A<…>::g"),
            ("bool operator< <int>(A<int>, A<int>)", "bool operator< <int>"),
            ("operator new[](unsigned long)", "operator new[]"),
            ("JS:*fillCache /tmp/grow.js:3:19", "JS:*fillCache /tmp/grow.js:3:19"),
            ("broken<", "broken<"),
            ("(x)", "(x)"),
        ];
        for (name, expected) in names {
            assert_eq!(brief(name), expected);
        }
    }
}
