//! Letters to users, and who carries them. What carries them must not log them: a letter holds a secret.

pub mod smtp;

use std::path::PathBuf;

use futures_util::future::BoxFuture;

/// A letter in plain words.
#[derive(Clone)]
pub struct Letter {
    pub to: String,
    pub subject: String,
    pub text: String,
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letter").finish_non_exhaustive()
    }
}

pub trait Mailer: Send + Sync + std::fmt::Debug {
    /// Takes the letter over; that it was taken is no proof that it arrives.
    fn send(&self, letter: Letter) -> BoxFuture<'_, std::io::Result<()>>;

    /// Whether it is of any use to ask.
    fn carries(&self) -> bool {
        true
    }
}

/// Carries nothing: where no mail was set up.
#[derive(Debug)]
pub struct Nowhere;

impl Mailer for Nowhere {
    fn send(&self, _letter: Letter) -> BoxFuture<'_, std::io::Result<()>> {
        Box::pin(async { Err(std::io::Error::other("no mail was set up")) })
    }

    fn carries(&self) -> bool {
        false
    }
}

/// Puts each letter into a file of a directory, for whoever carries them on from there.
#[derive(Debug)]
pub struct Spool {
    directory: PathBuf,
    from: String,
}

impl Spool {
    /// The directory is made if it is not there.
    pub fn open(directory: PathBuf, from: String) -> std::io::Result<Self> {
        std::fs::create_dir_all(&directory)?;
        Ok(Self { directory, from })
    }

    fn render(&self, letter: &Letter, id: &str) -> String {
        let date = jiff::fmt::rfc2822::DateTimePrinter::new()
            .timestamp_to_string(&jiff::Timestamp::now())
            .unwrap_or_default();
        let text = letter.text.replace("\r\n", "\n").replace('\n', "\r\n");
        format!(
            "From: {}\r\nTo: <{}>\r\nSubject: {}\r\nDate: {date}\r\nMessage-ID: <{id}@rowlock>\r\n\
             MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n{text}",
            line(&self.from),
            line(&letter.to),
            line(&letter.subject),
        )
    }
}

/// A header must stay one line, whatever is in it.
fn line(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).collect()
}

impl Mailer for Spool {
    fn send(&self, letter: Letter) -> BoxFuture<'_, std::io::Result<()>> {
        Box::pin(async move {
            let id = format!("{}-{:016x}", crate::time::now_ms(), rand::random::<u64>());
            let text = self.render(&letter, &id);
            let (part, whole) = (format!("{id}.part"), self.directory.join(format!("{id}.eml")));
            let part = self.directory.join(part);
            // Whole files only: who carries them on must not find half a letter.
            tokio::fs::write(&part, text).await?;
            tokio::fs::rename(&part, &whole).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_letter_is_a_whole_file_whose_headers_are_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(dir.path().join("out"), "Shop <shop@example.org>".to_owned());
        let letter = Letter {
            to: "ann@example.org>\r\nBcc: <all@example.org".to_owned(),
            subject: "Hello\nX-Evil: yes".to_owned(),
            text: "One\nTwo".to_owned(),
        };
        spool.unwrap().send(letter).await.unwrap();
        let files: Vec<_> = std::fs::read_dir(dir.path().join("out")).unwrap().collect();
        assert_eq!(files.len(), 1);
        let path = files[0].as_ref().unwrap().path();
        assert_eq!(path.extension().unwrap(), "eml");
        let text = std::fs::read_to_string(path).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, "One\r\nTwo");
        let names: Vec<_> = head.lines().map(|it| it.split(':').next().unwrap()).collect();
        let expected = [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "MIME-Version",
            "Content-Type",
            "Content-Transfer-Encoding",
        ];
        assert_eq!(names, expected);
    }
}
