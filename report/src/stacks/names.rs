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

/// Libraries of languages, whose functions act for their callers.
const LIBRARIES: [&str; 4] = ["std::", "__gnu_cxx::", "alloc::", "core::"];
/// Functions that call a thread's or a program's first one.
const ENTRIES: [&str; 5] =
    ["start_thread", "execute_native_thread_routine", "clone", "clone3", "_start"];

/// Returns the index of the innermost function that has a name and did not get memory for another;
/// if there is none, of the innermost one that has a name. One of a language's library stands back for
/// the first caller that is none, if that has a name.
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
    if let Some(first) = first {
        let stands_back = |(_, function): &(usize, Option<&str>)| {
            function.is_some_and(|name| !acts(*function) || is_of_library(name))
        };
        let mut outwards = innermost_first.clone().enumerate().skip(first).skip_while(stands_back);
        if let Some((caller, Some(name))) = outwards.next()
            && !ENTRIES.contains(&name)
        {
            return caller;
        }
    }
    first.or_else(|| innermost_first.clone().position(named)).unwrap_or(0)
}

fn is_of_library(name: &str) -> bool {
    let name = brief(name);
    // What a template returns is before its name; `<T as Trait>::method` begins with its type.
    let name = match name.strip_prefix('<') {
        Some(of_type) => of_type,
        None => name.rsplit(' ').next().unwrap_or(&name),
    };
    LIBRARIES.iter().any(|library| name.starts_with(library))
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
    fn a_function_of_a_languages_library_stands_back_for_its_caller() {
        let index = |names: &[Option<&'static str>]| first_acting(names.iter().copied());
        let grow = "void std::vector<int, std::allocator<int> >::_M_realloc_insert<int>(int&&)";
        let new = Some("operator new(unsigned long)");
        assert_eq!(index(&[Some("malloc"), new, Some(grow), Some("fill(int)"), Some("main")]), 3);
        assert_eq!(index(&[Some("<alloc::vec::Vec<u8> as core::ops::X>::x"), Some("app::run")]), 1);
        assert_eq!(index(&[Some("<app::Own as core::ops::Drop>::drop"), Some("app::run")]), 0);
        // A caller without a name, or none of the program's: it is all that is known.
        assert_eq!(index(&[new, Some(grow), None, Some("main")]), 1);
        assert_eq!(index(&[new, Some(grow), Some("start_thread"), Some("clone3")]), 1);
        assert_eq!(index(&[new, Some(grow)]), 1);
        assert_eq!(index(&[new, None]), 0);
    }

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
