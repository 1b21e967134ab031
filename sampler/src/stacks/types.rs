//! The names of types of regions, by number.

use std::collections::HashMap;

/// Names that were seen, each once.
#[derive(Debug, Default)]
pub(crate) struct Types {
    names: Vec<String>,
    numbers: HashMap<String, u16>,
}

impl Types {
    /// Returns the number of a name.
    pub(crate) fn number(&mut self, name: &str) -> u16 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u16::try_from(self.names.len()).unwrap_or(u16::MAX);
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    /// Returns the name of a number.
    pub(crate) fn name(&self, number: u16) -> String {
        self.names.get(usize::from(number)).cloned().unwrap_or_default()
    }
}
