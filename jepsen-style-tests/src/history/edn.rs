//! A history in EDN, the notation that Jepsen's own tools read.
//!
//! ```text
//! {:index 0, :type :invoke, :process 3, :f :hold, :key "evt-…", :value {:seats [4 5], …}, :time 120}
//! ```
//!
//! Words become keywords, and so do the names of fields; all else is as in the JSON lines.

use std::fmt::Write as _;

use serde_json::Value;

use super::Entry;

/// One operation, on one line.
pub fn line(index: usize, entry: &Entry) -> String {
    let mut text = format!("{{:index {index}");
    let Ok(Value::Object(fields)) = serde_json::to_value(entry) else { return text + "}" };
    for (name, value) in &fields {
        match (name.as_str(), value) {
            ("type" | "f", Value::String(word)) => {
                push(&mut text, format_args!(", :{name} :{word}"))
            }
            ("time_ns", value) => push(&mut text, format_args!(", :time {value}")),
            (name, value) => {
                push(&mut text, format_args!(", :{name} "));
                put(value, &mut text);
            }
        }
    }
    text + "}"
}

fn push(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing into a string can't fail.
    text.write_fmt(what).ok();
}

fn put(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("nil"),
        // EDN knows the same escapes.
        Value::Bool(_) | Value::Number(_) | Value::String(_) => push(text, format_args!("{value}")),
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(' ');
                }
                put(item, text);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            text.push('{');
            for (place, (name, item)) in fields.iter().enumerate() {
                let comma = if place > 0 { ", " } else { "" };
                push(text, format_args!("{comma}:{name} "));
                put(item, text);
            }
            text.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_one_map() {
        let entry: Entry = serde_json::from_str(
            r#"{"process":3,"type":"ok","f":"hold","key":"evt-1","value":{"seats":[4,5],"owner":"u","state":"HELD"},"time_ns":120,"shard":1,"term":2,"index":9,"revision":8,"log_time_ms":7}"#,
        )
        .unwrap();
        assert_eq!(
            line(6, &entry),
            r#"{:index 6, :process 3, :type :ok, :f :hold, :key "evt-1", :value {:seats [4 5], :owner "u", :state "HELD"}, :time 120, :shard 1, :term 2, :index 9, :revision 8, :log_time_ms 7}"#
        );
    }
}
