//! One page: everything in one file, nothing from the network, well-formed as XML too.

use super::colour;
use super::figures::{Figure, Medium, Table};
use super::svg::escape;
use std::fmt::Write as _;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// How a line of the summary ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Holds,
    Refuted,
    Open,
    Fact,
}

impl Mark {
    const fn class(self) -> &'static str {
        match self {
            Self::Holds => "ok",
            Self::Refuted => "bad",
            Self::Open => "open",
            Self::Fact => "fact",
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::Holds => "✓ ",
            Self::Refuted => "✗ ",
            Self::Open => "? ",
            Self::Fact => "",
        }
    }
}

/// A line of the summary: what was concluded of what, how it is known.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) mark: Mark,
    pub(crate) verdict: String,
    pub(crate) text: String,
    pub(crate) evidence: &'static str,
}

impl Line {
    pub(crate) fn new(mark: Mark, verdict: &str, text: String, evidence: &'static str) -> Self {
        Self { mark, verdict: verdict.to_owned(), text, evidence }
    }
}

/// A page being written.
#[derive(Debug)]
pub(crate) struct Page {
    title: String,
    body: String,
    moves: bool,
}

impl Page {
    /// A page with its heading and a sentence below it.
    pub(crate) fn new(title: &str, lead: &str) -> Self {
        let body = format!(
            "<header>\n<p class=\"kicker\">Gradiometer</p>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n</header>\n",
            escape(title),
            escape(lead)
        );
        Self { title: title.to_owned(), body, moves: false }
    }

    pub(crate) fn summary(&mut self, lines: &[Line]) {
        self.body.push_str("<section aria-label=\"Summary\">\n<ul class=\"verdicts\">\n");
        for Line { mark, verdict, text, evidence } in lines {
            let (class, sign) = (mark.class(), mark.sign());
            let (verdict, text) = (escape(verdict), escape(text));
            let _infallible = writeln!(
                self.body,
                "<li><span class=\"badge {class}\">{sign}{verdict}</span><span>{text} <span class=\"evidence\">{evidence}</span></span></li>"
            );
        }
        self.body.push_str("</ul>\n</section>\n");
    }

    pub(crate) fn heading(&mut self, text: &str) {
        let _infallible = writeln!(self.body, "<h2>{}</h2>", escape(text));
    }

    pub(crate) fn paragraph(&mut self, text: &str) {
        let _infallible = writeln!(self.body, "<p class=\"note\">{}</p>", escape(text));
    }

    /// A table; the columns of the given indices are text and stand to the left, like the first.
    pub(crate) fn table(&mut self, name: &str, table: &Table, left: &[usize]) {
        self.body.push_str(&table_markup(name, table, left, None));
    }

    /// The same with a link from each cell of the first column to the part whose id it is, behind a
    /// prefix.
    pub(crate) fn linked_table(&mut self, name: &str, table: &Table, left: &[usize], prefix: &str) {
        self.body.push_str(&table_markup(name, table, left, Some(prefix)));
    }

    /// A part to be opened, with an id: a heading and paragraphs.
    pub(crate) fn part(&mut self, id: &str, heading: &str, paragraphs: &[&str]) {
        let (id, heading) = (escape(id), escape(heading));
        let _infallible = writeln!(self.body, "<details id=\"{id}\"><summary>{heading}</summary>");
        for paragraph in paragraphs {
            let _infallible = writeln!(self.body, "<p>{}</p>", escape(paragraph));
        }
        self.body.push_str("</details>\n");
    }

    /// What is only of interest now and then.
    pub(crate) fn folded(&mut self, summary: &str, text: &str) {
        let (summary, text) = (escape(summary), escape(text));
        let _infallible = writeln!(
            self.body,
            "<details><summary>{summary}</summary>\n<pre tabindex=\"0\"><code>{text}</code></pre></details>"
        );
    }

    /// Figures side by side where there is room.
    pub(crate) fn figures(&mut self, figures: &[Figure]) {
        if figures.is_empty() {
            return;
        }
        self.body.push_str("<div class=\"grid\">\n");
        for figure in figures {
            self.figure(figure);
        }
        self.body.push_str("</div>\n");
    }

    fn figure(&mut self, figure: &Figure) {
        let Figure { name, title, caption, svg, table, frames, medium } = figure;
        let id = format!("fig-{name}");
        let attribute =
            frames.as_ref().map_or_else(String::new, |_| format!(" data-frames=\"{id}-frames\""));
        let class = match medium {
            Medium::Any => "",
            Medium::Screen => " class=\"on-screen\"",
            Medium::Paper => " class=\"on-paper\"",
        };
        let _infallible = write!(
            self.body,
            "<figure id=\"{id}\"{class}{attribute}>\n<h3>{}</h3>\n{}",
            escape(title),
            svg.inline(&id)
        );
        if let Some(frames) = frames {
            self.moves = true;
            let last = frames["frames"].as_array().map_or(0, |f| f.len().saturating_sub(1));
            let _infallible = write!(
                self.body,
                "<div class=\"slider\" hidden=\"hidden\"><label for=\"{id}-slider\">Moment of the run</label>\
                 <input id=\"{id}-slider\" type=\"range\" min=\"0\" max=\"{last}\" step=\"1\" value=\"{last}\"/><button type=\"button\">Play</button> <output for=\"{id}-slider\"></output></div>\n\
                 <script type=\"application/json\" id=\"{id}-frames\">{}</script>\n",
                json_in_script(frames)
            );
        }
        let _infallible = writeln!(self.body, "<figcaption>{}</figcaption>", escape(caption));
        if !table.rows.is_empty() {
            let markup = table_markup(title, table, &[], None);
            let _infallible =
                writeln!(self.body, "<details><summary>The numbers</summary>\n{markup}</details>");
        }
        self.body.push_str("</figure>\n");
    }

    /// The whole file.
    pub(crate) fn finish(&self) -> String {
        let script =
            if self.moves { format!("<script>\n{SCRIPT}</script>\n") } else { String::new() };
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta charset=\"utf-8\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<meta name=\"color-scheme\" content=\"light dark\"/>\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\"/>\n\
             <title>{}</title>\n<style>\n{STYLE}{}</style>\n</head>\n<body>\n<main>\n{}</main>\n{script}</body>\n</html>\n",
            escape(&self.title),
            colour::style(true),
            self.body
        )
    }
}

/// JSON that ends no script and needs no escape in XML.
fn json_in_script(value: &serde_json::Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn table_markup(name: &str, table: &Table, left: &[usize], link: Option<&str>) -> String {
    let class = |c: usize| if left.contains(&c) { " class=\"left\"" } else { "" };
    let mut text = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">\n<table>\n<thead><tr>",
        escape(name)
    );
    for (c, cell) in table.header.iter().enumerate() {
        let _infallible = write!(text, "<th scope=\"col\"{}>{}</th>", class(c), escape(cell));
    }
    text.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        text.push_str("<tr>");
        for (c, cell) in row.iter().enumerate() {
            let cell = escape(cell);
            let _infallible = if let (0, Some(prefix)) = (c, link) {
                write!(text, "<th scope=\"row\"><a href=\"#{prefix}{cell}\">{cell}</a></th>")
            } else if c == 0 {
                write!(text, "<th scope=\"row\">{cell}</th>")
            } else {
                write!(text, "<td{}>{cell}</td>", class(c))
            };
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody>\n</table>\n</div>\n");
    text
}
