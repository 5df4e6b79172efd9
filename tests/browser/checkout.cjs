// The payer's pages in a real browser: node checkout.cjs MODULES CHROMIUM URL KEY SCREENSHOTS
//
// Every state at the width of a telephone and of a desk: nothing scrolls sideways, axe finds nothing serious, the page's
// own policy is never broken, and what a merchant wrote never runs. Then the way of a payer with a script, without one,
// and by keyboard.

const assert = require("node:assert/strict");
const path = require("node:path");
const [, , modules, executablePath, url, key, screenshots] = process.argv;
const { chromium } = require(path.join(modules, "playwright-core"));
const axe = require(path.join(modules, "axe-core"));

const WIDTHS = [390, 1280];
const PATIENCE = 30_000;
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const RECIPIENT = "0x1234567890abcdef1234567890abcdef12345678";
const EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>';

async function api(method, where, body) {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const answer = await fetch(`${url}/api/v1${where}`, { method, headers, body: JSON.stringify(body ?? {}) });
  const json = await answer.json();
  assert.ok(answer.ok, `${method} ${where}: ${JSON.stringify(json)}`);
  return json;
}

const link = (changes) =>
  api("POST", "/payment-links", {
    name: "Premium Plan",
    amount: "10000000",
    token_address: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
    chain_id: 8453,
    recipient_address: RECIPIENT,
    ...changes,
  });
const session = (of, more) => api("POST", "/checkout-sessions", { payment_link_id: of.id, ...more });
const helper = (of, what, body) => api("POST", `/test-helpers/checkout-sessions/${of.id}/${what}`, body);

const FORM = {
  fields: [
    { id: "company_name", type: "text", label: "Company Name", required: true, placeholder: "Acme Inc." },
    { id: "mail", type: "email", label: "E-mail", required: true },
    { id: "tel", type: "phone", label: "Telephone" },
    { id: "team_size", type: "select", label: "Team Size", required: true, options: ["1-10", "11-50"] },
    { id: "notes", type: "textarea", label: "Notes" },
    { id: "seats", type: "number", label: "Seats" },
    { id: "terms", type: "checkbox", label: "I accept the terms", required: true },
  ],
};
const SHIPPING = [
  { id: "std", name: "Standard", amount: "0", estimated_days: "3-5" },
  { id: "exp", name: "Express", amount: "12500000", estimated_days: "1" },
];

/** Every state a payer can find a page in. */
async function states() {
  const picture = `${url}/pay/assets/000000000000.svg`;
  const full = await link({
    description: "Monthly.\nCancel at any time.",
    theme_color: "#6366f1",
    button_text: "Subscribe Now",
    image_url: picture,
    branding: { business_name: "Acme Inc.", logo_url: picture },
    form_schema: FORM,
    shipping_options: SHIPPING,
    collect_shipping_address: true,
    amount: undefined,
    items: [
      { name: "Plan", amount: "50000000", quantity: 1, image_url: picture },
      { name: "Priority Support ".repeat(5), description: "x".repeat(500), amount: "10500000", quantity: 3 },
    ],
  });
  const open = await link({ amount: undefined, min_amount: "1000000", theme_color: "#ffd400", name: "W".repeat(100) });
  const huge = await link({ amount: (2n ** 256n - 1n).toString(), token_address: `0x${"ab".repeat(20)}` });
  const evil = await link({ name: EVIL, description: EVIL, button_text: EVIL, branding: { business_name: EVIL } });
  const plain = await link({ return_url: `${url}/api/v1/health`, return_label: "Back to the shop" });
  const off = await link({ active: false });
  const once = await link({ max_uses: 1 });
  await helper(await session(once), "pay");
  const gone = await link({});
  await api("DELETE", `/payment-links/${gone.id}`);
  const [done, expired, failed, part] = await Promise.all([1, 2, 3, 4].map(() => session(plain, { cancel_url: url })));
  // Without a way back, so that the page stays to be looked at.
  const stays = await session(await link({}));
  await helper(stays, "pay");
  await helper(done, "pay");
  await api("POST", `/checkout-sessions/${expired.id}/expire`);
  await helper(failed, "fail");
  await helper(part, "pay", { amount: "3000000" });
  return {
    plain,
    full,
    pages: {
      "link-form": [full.url, 200],
      "link-open-amount": [open.url, 200],
      "link-unknown-token": [huge.url, 200],
      "link-hostile": [evil.url, 200],
      "link-off": [off.url, 410],
      "link-used-up": [once.url, 410],
      "link-deleted": [gone.url, 410],
      "link-unknown": [`${url}/pay/Nothing1`, 404],
      "session-open": [(await session(plain)).url, 200],
      "session-huge": [(await session(huge)).url, 200],
      "session-part-paid": [part.url, 200],
      "session-details": [(await session(open)).url, 200],
      "session-completed": [stays.url, 200],
      "session-expired": [expired.url, 200],
      "session-failed": [failed.url, 200],
    },
  };
}

let payers = 0;

/** A browser of a payer's own, from an address of its own, in which nothing may go wrong unseen. */
async function payer(browser, options) {
  payers += 1;
  const context = await browser.newContext({
    extraHTTPHeaders: { "x-forwarded-for": `198.51.100.${payers}` },
    ...options,
  });
  const wrong = [];
  const page = await context.newPage();
  page.on("dialog", (dialog) => {
    wrong.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("pageerror", (error) => wrong.push(`an error: ${error}`));
  page.on("console", (message) => {
    // A page that is 404 or 410 is a failed resource to the browser, and exactly what is asked for.
    const expected = message.text().startsWith("Failed to load resource: the server responded with a status of 4");
    if (message.type() === "error" && !expected) wrong.push(`the console: ${message.text()}`);
  });
  return { context, page, wrong };
}

async function inspect(page, name, width, wrong) {
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(sideways <= 0, `${name} at ${width}: scrolls ${sideways} px sideways`);
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const grave = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  const told = grave.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" ")}`);
  assert.deepEqual(told, [], `${name} at ${width}`);
  await page.screenshot({ path: path.join(screenshots, `${name}-${width}.png`), fullPage: true });
  assert.deepEqual(wrong, [], `${name} at ${width}`);
}

async function everyState(browser, { pages, full }) {
  for (const width of WIDTHS) {
    const { context, page, wrong } = await payer(browser, { viewport: { width, height: 844 } });
    for (const [name, [where, status]] of Object.entries(pages)) {
      const answer = await page.goto(where);
      assert.equal(answer.status(), status, name);
      await inspect(page, name, width, wrong);
      if (name === "link-hostile") assert.equal(await page.locator("h1").textContent(), EVIL);
      if (status !== 200) assert.ok(!(await page.content()).includes(RECIPIENT), name);
    }
    await page.goto(full.url);
    // The browser's own checks would keep the form from being sent at all.
    await page.locator("form").evaluate((form) => (form.noValidate = true));
    await page.locator("button[type=submit]").click();
    await page.waitForSelector("#errors");
    assert.equal(await page.evaluate(() => document.activeElement.id), "errors");
    await inspect(page, "link-form-errors", width, wrong);
    await page.locator("#errors a", { hasText: "Team Size" }).click();
    assert.equal(await page.evaluate(() => new URL(location).hash), "#in-form-5f-data-5b-team-5f-size-5d-");
    await context.close();
  }
}

async function fill(page) {
  await page.getByLabel("Company Name").fill("Acme Inc.");
  await page.getByLabel("E-mail").fill("alice@example.com");
  await page.getByLabel("Team Size").selectOption("11-50");
  await page.getByLabel("I accept the terms").check();
  await page.getByLabel("Express").check();
  await page.getByLabel("Street and number").fill("1 Main St");
  await page.getByLabel("Town or city").fill("Springfield");
  await page.getByLabel("Postal code").fill("12345");
  await page.getByLabel("Country").selectOption("US");
}

async function withoutAScript(browser, { full }) {
  const { context, page, wrong } = await payer(browser, { javaScriptEnabled: false, viewport: { width: 390, height: 844 } });
  await page.goto(`${full.url}?client_reference_id=order_1`);
  await fill(page);
  await page.getByLabel("Seats").fill("many");
  await page.getByRole("button", { name: "Subscribe Now" }).click();
  assert.match(await page.locator("#errors").textContent(), /Seats must be a number/);
  assert.equal(await page.getByLabel("Company Name").inputValue(), "Acme Inc.");
  assert.ok(await page.getByLabel("Express").isChecked());
  await page.getByLabel("Seats").fill("5");
  await page.getByRole("button", { name: "Subscribe Now" }).click();
  await page.waitForURL(/\/pay\/s\/cs_/);
  assert.equal(await page.locator(".amount").textContent(), "94.00 USDC");
  assert.ok(await page.getByRole("img", { name: /QR code/ }).isVisible());
  assert.ok(await page.getByText(RECIPIENT).isVisible());
  assert.ok(await page.getByRole("button", { name: /Copy/ }).count() === 0, "what needs a script does not show without one");
  const id = page.url().split("/").pop();
  const seen = await get(`/checkout-sessions/${id}`);
  assert.deepEqual(
    [seen.client_reference_id, seen.form_data.seats, seen.form_data.terms, seen.shipping_address.country],
    ["order_1", "5", true, "US"],
  );
  await helper(seen, "pay");
  // The page looks anew by itself.
  await page.getByText("Payment complete").waitFor({ timeout: PATIENCE });
  assert.deepEqual(wrong, []);
  await context.close();
}

async function withAScript(browser, { plain }) {
  const { context, page, wrong } = await payer(browser, { viewport: { width: 1280, height: 900 } });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: url });
  await page.goto(plain.url);
  await page.getByRole("button", { name: "Pay" }).click();
  await page.waitForURL(/\/pay\/s\/cs_/);
  await page.getByRole("button", { name: "Copy the address" }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), RECIPIENT);
  await page.getByRole("button", { name: "Copy the amount" }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "10.00");
  assert.match(await page.locator("[data-seconds]").textContent(), /^\d\d?:\d\d$/);
  await helper({ id: page.url().split("/").pop() }, "pay");
  await page.getByText("Payment complete").waitFor({ timeout: PATIENCE });
  await page.waitForURL(`${url}/api/v1/health`, { timeout: PATIENCE });
  assert.deepEqual(wrong, []);
  await context.close();
}

async function byKeyboard(browser, { full }) {
  const { context, page, wrong } = await payer(browser, { viewport: { width: 1280, height: 900 } });
  await page.goto(full.url);
  const focused = () => page.evaluate(() => document.activeElement.name || document.activeElement.textContent.trim());
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the content");
  const way = [];
  for (let step = 0; step < 30 && way.at(-1) !== "Subscribe Now"; step += 1) {
    await page.keyboard.press("Tab");
    way.push(await focused());
  }
  const parts = ["name", "line1", "line2", "city", "state", "postal_code", "country"];
  assert.deepEqual(way, [
    ...FORM.fields.map(({ id }) => `form_data[${id}]`),
    "shipping_option_id",
    ...parts.map((part) => `shipping_address[${part}]`),
    "Subscribe Now",
  ]);
  await fill(page);
  await page.getByRole("button", { name: "Subscribe Now" }).focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/pay\/s\/cs_/);
  assert.deepEqual(wrong, []);
  await context.close();
}

async function get(where) {
  const answer = await fetch(`${url}/api/v1${where}`, { headers: { authorization: `Bearer ${key}` } });
  return answer.json();
}

(async () => {
  const made = await states();
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  try {
    await everyState(browser, made);
    await withoutAScript(browser, made);
    await withAScript(browser, made);
    await byKeyboard(browser, made);
  } finally {
    await browser.close();
  }
  console.log("every page holds");
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
