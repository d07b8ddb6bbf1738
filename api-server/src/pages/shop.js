// Makes pages livelier; all of them work without it.
"use strict";

// Seats change while one looks at them.
const map = document.querySelector("[data-live]");
if (map) {
  const boxes = new Map([...map.querySelectorAll("input")].map((box) => [Number(box.dataset.place), box]));
  const onSale = map.closest("form") !== null;
  const chosen = document.getElementById("chosen");
  const tell = () => {
    if (!chosen) return;
    const picked = [...boxes.values()].filter((box) => box.checked);
    chosen.textContent = picked.length === 0
      ? "Choose your seats"
      : picked.length === 1 ? "1 seat" : `${picked.length} seats`;
  };
  map.addEventListener("change", tell);
  tell();
  const words = { A: "AVAILABLE", R: "RESERVED", S: "SOLD", B: "BLOCKED" };
  const show = (place, letter) => {
    const box = boxes.get(place);
    if (!box || box.parentElement.dataset.status === words[letter]) return;
    box.parentElement.dataset.status = words[letter];
    box.disabled = !onSale || letter !== "A";
    if (box.disabled) box.checked = false;
  };
  // A browser keeps only a few connections to one server: pages that nobody sees give theirs up. One that
  // broke comes back by itself, and says what it has seen.
  let changes = null;
  const look = () => {
    if (document.hidden) {
      changes?.close();
      changes = null;
      return;
    }
    if (changes) return;
    changes = new EventSource(map.dataset.live);
    changes.addEventListener("state", (event) => {
      [...JSON.parse(event.data).seats].forEach((letter, place) => show(place, letter));
      tell();
    });
    changes.addEventListener("change", (event) => {
      JSON.parse(event.data).seats.forEach(([place, letter]) => show(place, letter));
      tell();
    });
  };
  document.addEventListener("visibilitychange", look);
  look();
}

// The time that is left at the checkout.
const clock = document.getElementById("countdown");
if (clock) {
  const until = Date.parse(clock.dataset.until);
  const tick = () => {
    const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (left > 0) setTimeout(tick, 250);
    else setTimeout(() => location.reload(), 3000);
  };
  tick();
}
