//! Writes messages of protocol buffers: fields by their number. It knows no schema.

/// A message under construction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message(Vec<u8>);

/// The kinds of values on the wire.
const VARINT: u32 = 0;
const BYTES: u32 = 2;

impl Message {
    /// Adds an unsigned number, an enum or, in two's complement, a signed number.
    #[must_use]
    pub(crate) fn number(mut self, field: u32, value: u64) -> Self {
        self.varint(u64::from(field << 3 | VARINT));
        self.varint(value);
        self
    }

    /// Adds a list of numbers, packed.
    #[must_use]
    pub(crate) fn numbers(self, field: u32, values: &[u64]) -> Self {
        let packed = values.iter().fold(Self::default(), |mut packed, value| {
            packed.varint(*value);
            packed
        });
        self.message(field, &packed)
    }

    /// Adds a text.
    #[must_use]
    pub(crate) fn text(self, field: u32, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    /// Adds a message within the message.
    #[must_use]
    pub(crate) fn message(self, field: u32, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }

    /// Returns its bytes.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn bytes(mut self, field: u32, bytes: &[u8]) -> Self {
        self.varint(u64::from(field << 3 | BYTES));
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_are_as_the_encoding_defines() {
        // The examples of the encoding's documentation.
        assert_eq!(Message::default().number(1, 150).into_bytes(), [0x08, 0x96, 0x01]);
        let text = Message::default().text(2, "testing").into_bytes();
        assert_eq!(text, [0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67]);
        let inner = Message::default().number(1, 150);
        assert_eq!(Message::default().message(3, &inner).into_bytes(), [0x1a, 3, 0x08, 0x96, 1]);
        let packed = Message::default().numbers(6, &[3, 270, 86_942]).into_bytes();
        assert_eq!(packed, [0x32, 0x06, 0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05]);
        assert_eq!(Message::default().number(30, u64::MAX).into_bytes().len(), 2 + 10);
    }
}
