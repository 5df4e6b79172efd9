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

  // Wallets that announce themselves (EIP-6963), or the one that does not (EIP-1193).
  const pay = document.querySelector("[data-transaction]");
  if (pay) {
    const { chain, network, pays } = pay.dataset;
    const transaction = JSON.parse(pay.dataset.transaction);
    const status = pay.querySelector("[role=status]");
    const chainId = `0x${Number(chain).toString(16)}`;
    const seen = new Set();
    const kept = `payment-of-${pays}`;

    // A transaction that was sent must be told, whatever becomes of this page.
    const report = async ({ hash, from }, pause = 1000) => {
      status.textContent = "Sent. Telling the merchant…";
      const answer = await fetch(`/api/v1/checkout/sessions/${pays}/payment`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "Idempotency-Key": hash },
        body: JSON.stringify({ tx_hash: hash, payer_address: from }),
      }).catch(() => null);
      if (answer && answer.status < 429) {
        sessionStorage.removeItem(kept);
        return location.reload();
      }
      setTimeout(() => report({ hash, from }, Math.min(pause * 2, 30000)), pause);
    };

    const send = async (provider, button) => {
      button.disabled = true;
      try {
        status.textContent = "Connect in your wallet.";
        const [from] = await provider.request({ method: "eth_requestAccounts" });
        if ((await provider.request({ method: "eth_chainId" })) !== chainId) {
          status.textContent = `Switch to ${network} in your wallet.`;
          await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId }] });
        }
        status.textContent = "Confirm the payment in your wallet.";
        const hash = await provider.request({ method: "eth_sendTransaction", params: [{ from, ...transaction }] });
        sessionStorage.setItem(kept, JSON.stringify({ hash, from }));
        report({ hash, from });
      } catch (error) {
        button.disabled = false;
        // 4001: the person said no. 4902: the wallet does not know the chain.
        const words = { 4001: "You declined in your wallet. Nothing was sent.", 4902: `Add ${network} to your wallet, then try again.` };
        status.textContent = words[error?.code] ?? "Your wallet could not send this. Do you have enough, and a little more for the network's fee?";
      }
    };

    const offer = (id, name, provider) => {
      if (seen.has(id)) return;
      seen.add(id);
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button";
      button.textContent = `Pay with ${name}`;
      button.addEventListener("click", () => send(provider, button));
      pay.insertBefore(button, status);
      pay.hidden = false;
    };
    addEventListener("eip6963:announceProvider", ({ detail }) => offer(detail.info.uuid, detail.info.name, detail.provider));
    dispatchEvent(new Event("eip6963:requestProvider"));
    setTimeout(() => seen.size || (window.ethereum && offer("", "your wallet", window.ethereum)), 300);
    const unsent = sessionStorage.getItem(kept);
    if (unsent) {
      pay.hidden = false;
      report(JSON.parse(unsent));
    }
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
