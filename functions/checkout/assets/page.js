"use strict";
// What the pages do better with a script; everything works without it.
(() => {
  const all = (selector) => document.querySelectorAll(selector);

  for (const button of all("button[data-copy]")) {
    button.hidden = false;
    const said = button.textContent;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(button.parentElement.querySelector("code"));
        button.textContent = "Selected";
      }
      setTimeout(() => (button.textContent = said), 2000);
    });
  }

  // A second click must not send the form again.
  for (const form of all("form")) {
    form.addEventListener("submit", () => {
      const button = form.querySelector("button[type=submit]");
      setTimeout(() => (button.disabled = true));
      // Coming back to the page must find the button working.
      addEventListener("pageshow", () => (button.disabled = false), { once: true });
    });
  }

  const errors = document.getElementById("errors");
  if (errors) errors.focus();

  for (const clock of all("[data-seconds]")) {
    const end = performance.now() + Number(clock.dataset.seconds) * 1000;
    const two = (number) => String(number).padStart(2, "0");
    const tick = () => {
      const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
      const hours = Math.floor(left / 3600);
      const minutes = Math.floor(left / 60) % 60;
      clock.textContent = `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(left % 60)}`;
      if (left > 0) setTimeout(tick, 1000);
    };
    clock.parentElement.hidden = false;
    tick();
  }

  for (const link of all("a[data-after]")) {
    setTimeout(() => location.assign(link.href), Number(link.dataset.after) * 1000);
  }

  const live = document.querySelector("[data-session]");
  if (live) {
    const { session, state, every } = live.dataset;
    const look = async () => {
      let wait = Number(every);
      try {
        const answer = await fetch(`/api/v1/checkout/sessions/${session}`, { cache: "no-store" });
        if (answer.ok) {
          const { status, amount_received } = await answer.json();
          if (`${status} ${amount_received}` !== state) return location.reload();
        } else {
          wait = Math.max(wait, Number(answer.headers.get("Retry-After") || 10) * 1000);
        }
      } catch {
        wait *= 3;
      }
      setTimeout(() => (document.hidden ? addEventListener("visibilitychange", look, { once: true }) : look()), wait);
    };
    setTimeout(look, Number(every));
  }
})();
