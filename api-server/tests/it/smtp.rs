//! Letters by SMTP, against a mail server of our own.

use std::sync::{Arc, Mutex};

use rowlock_api_server::mail::smtp::Smtp;
use rowlock_api_server::mail::{Letter, Mailer};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What it says to a letter, one after the other; then that it was taken.
#[derive(Clone, Default)]
struct Post {
    answers: Arc<Mutex<Vec<&'static str>>>,
    taken: Arc<Mutex<Vec<String>>>,
}

impl Post {
    async fn start(answers: &[&'static str]) -> (Self, Smtp) {
        let post = Self::default();
        post.answers.lock().unwrap().extend(answers.iter().rev());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let server = post.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                server.talk(stream).await.unwrap();
            }
        });
        (post, Smtp::new(&url, None, "Shop <shop@example.org>").unwrap().hasty())
    }

    async fn talk(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let (read, mut write) = stream.split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"220 post\r\n").await?;
        while let Some(line) = lines.next_line().await? {
            let answer = match line.split(' ').next().unwrap() {
                "EHLO" => "250 post",
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await?;
                    let mut letter = String::new();
                    while let Some(line) = lines.next_line().await? {
                        if line == "." {
                            break;
                        }
                        letter.push_str(&line);
                        letter.push('\n');
                    }
                    let answer = self.answers.lock().unwrap().pop().unwrap_or("250 taken");
                    if answer.starts_with("250") {
                        self.taken.lock().unwrap().push(letter);
                    }
                    answer
                }
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            write.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
        Ok(())
    }
}

fn letter(to: &str) -> Letter {
    Letter {
        to: to.to_owned(),
        subject: "Bestätigung\nX-Evil: yes".to_owned(),
        text: "Follow this link:\n.hidden\nhttps://shop.example/x".to_owned(),
    }
}

#[tokio::test]
async fn a_letter_arrives_whole_and_with_its_own_headers() {
    let (post, smtp) = Post::start(&[]).await;
    smtp.send(letter("ann@example.org")).await.unwrap();
    let taken = post.taken.lock().unwrap().concat();
    let (head, body) = taken.split_once("\n\n").unwrap();
    assert!(head.contains("To: ann@example.org"), "{head}");
    assert!(head.contains("From: Shop <shop@example.org>"), "{head}");
    assert!(!head.lines().any(|line| line.starts_with("X-Evil")), "{head}");
    assert!(body.contains("https://shop.example/x"), "{body}");
}

#[tokio::test]
async fn not_now_is_tried_again_and_never_is_not() {
    let (post, smtp) = Post::start(&["451 not now", "451 not now"]).await;
    smtp.send(letter("ann@example.org")).await.unwrap();
    assert_eq!(post.taken.lock().unwrap().len(), 1);
    let (post, smtp) = Post::start(&["550 never"]).await;
    smtp.send(letter("ann@example.org")).await.unwrap_err();
    assert_eq!(post.taken.lock().unwrap().len(), 0);
    let (post, smtp) = Post::start(&["451 not now"; 9]).await;
    smtp.send(letter("ann@example.org")).await.unwrap_err();
    assert_eq!(post.answers.lock().unwrap().len(), 4, "five tries");
}

#[tokio::test]
async fn an_address_can_not_add_another() {
    let (post, smtp) = Post::start(&[]).await;
    let odd = "ann@example.org>\r\nBcc: <all@example.org";
    smtp.send(letter(odd)).await.unwrap_err();
    assert_eq!(post.taken.lock().unwrap().len(), 0);
}
