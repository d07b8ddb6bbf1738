use super::*;

#[test]
fn a_directory_has_one_name_before_and_after_it_is_made() {
    let place = tempfile::tempdir().unwrap();
    let real = place.path().canonicalize().unwrap();
    let link = real.join("link");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let expected = real.join("new/pg");
    assert_eq!(Directory::new(&link.join("new/pg")).root(), expected);
    std::fs::create_dir_all(&expected).unwrap();
    assert_eq!(Directory::new(&link.join("new/pg")).root(), expected);
    assert_eq!(Directory::new(&real.join("new/../new/pg/")).root(), expected);
}

#[test]
fn a_relative_name_means_the_place_that_the_caller_stands_in() {
    let here = std::env::current_dir().unwrap().canonicalize().unwrap();
    assert_eq!(Directory::new(Path::new("nowhere/pg")).root(), here.join("nowhere/pg"));
}
