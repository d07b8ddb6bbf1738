// Makes pages livelier; all of them work without it.
"use strict";

// Seats change while one looks at them.
const map = document.querySelector("[data-live]");
if (map) {
  const boxes = new Map([...map.querySelectorAll("input")].map((box) => [box.value, box]));
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
  const look = async () => {
    if (document.hidden) return;
    try {
      const reply = await fetch(map.dataset.live);
      if (!reply.ok) return;
      for (const seat of (await reply.json()).seats) {
        const box = boxes.get(seat.id);
        if (!box || box.parentElement.dataset.status === seat.status) continue;
        box.parentElement.dataset.status = seat.status;
        box.disabled = !onSale || seat.status !== "AVAILABLE";
        if (box.disabled) box.checked = false;
      }
      tell();
    } catch { /* the next look may succeed */ }
  };
  setInterval(look, 4000);
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
