//! Where in a JSON document a position lies: `w[3][2]`.

enum Frame {
    Object { key: Option<String> },
    Array { index: usize },
}

/// The path of the value at a position given by line and column, both from 1, as the parser counts them.
pub(crate) fn path_at(text: &str, line: usize, column: usize) -> String {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let end = (start + column).saturating_sub(1).min(text.len());
    let bytes = &text.as_bytes()[..end];
    let mut stack: Vec<Frame> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'{' => stack.push(Frame::Object { key: None }),
            b'[' => stack.push(Frame::Array { index: 0 }),
            b'}' | b']' => {
                stack.pop();
            }
            b',' => match stack.last_mut() {
                Some(Frame::Object { key }) => *key = None,
                Some(Frame::Array { index }) => *index += 1,
                None => {}
            },
            b'"' => {
                let begin = at + 1;
                at = begin;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                if let Some(Frame::Object { key: key @ None }) = stack.last_mut() {
                    let name = &bytes[begin..at.min(bytes.len())];
                    *key = Some(String::from_utf8_lossy(name).into_owned());
                }
            }
            _ => {}
        }
        at += 1;
    }
    let mut path = String::new();
    for frame in &stack {
        match frame {
            Frame::Object { key: Some(key) } if path.is_empty() => path.push_str(key),
            Frame::Object { key: Some(key) } => path.extend([".", key]),
            Frame::Object { key: None } => {}
            Frame::Array { index } => path.extend(["[", &index.to_string(), "]"]),
        }
    }
    if path.is_empty() { "the document".to_owned() } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_inside_nested_lists() {
        let text = "{\"a\": [1, 2],\n \"w\": [[1, 2],\n [3, NaN]]}";
        assert_eq!(path_at(text, 3, 6), "w[1][1]");
        assert_eq!(path_at(text, 1, 8), "a[0]");
        assert_eq!(path_at(text, 1, 1), "the document");
    }

    #[test]
    fn brackets_inside_strings_do_not_count() {
        let text = r#"{"a\"[": [1, x]}"#;
        assert_eq!(path_at(text, 1, 14), r#"a\"[[1]"#);
    }

    #[test]
    fn positions_beyond_the_end_are_the_end() {
        assert_eq!(path_at("[1, 2", 9, 9), "[1]");
    }
}
