// The published client against a running platform: node official_client.cjs CLIENT URL KEY

const assert = require("node:assert/strict");
const { createServer } = require("node:http");
const [, , client, url, key] = process.argv;
const { AnySpendPlatformClient, NotFoundError, AuthenticationError, ApiError } = require(client);
const baseUrl = `${url}/api/v1`;
const recipient_address = "0x1234567890abcdef1234567890abcdef12345678";
const terms = {
  name: "Premium",
  amount: "10000000",
  token_address: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
  chain_id: 8453,
  recipient_address,
};

async function paymentLinks(platform) {
  const link = await platform.paymentLinks.create(terms);
  assert.equal(link.object, "payment_link");
  assert.equal(link.is_active, true);
  assert.equal(link.current_uses, 0);
  assert.deepEqual(await platform.paymentLinks.get(link.id), link);
  const updated = await platform.paymentLinks.update(link.id, { name: "Renamed", is_active: false });
  assert.deepEqual([updated.name, updated.is_active], ["Renamed", false]);
  const copy = await platform.paymentLinks.duplicate(link.id);
  assert.equal(copy.name, "Copy of Renamed");
  const list = await platform.paymentLinks.list({ search: "renamed", sort: "current_uses", order: "asc", active: "true" });
  assert.deepEqual(list.data.map(({ id }) => id), [copy.id]);
  const seen = [];
  for await (const { id } of platform.paymentLinks.listAutoPaginate()) seen.push(id);
  assert.deepEqual(seen.sort(), [link.id, copy.id].sort());
  const item = await platform.paymentLinks.addItem(link.id, { name: "Mug", amount: "1" });
  assert.deepEqual([item.object, item.quantity, item.sort_order], ["payment_link_item", 1, 0]);
  assert.equal((await platform.paymentLinks.items(link.id)).data.length, 1);
  assert.deepEqual(await platform.paymentLinks.removeItem(link.id, item.id), {
    object: "payment_link_item",
    id: item.id,
    deleted: true,
  });
  assert.equal((await platform.paymentLinks.sessions(link.id, { page: 1, limit: 5 })).total_count, 0);
  assert.equal((await platform.paymentLinks.delete(link.id)).deleted, true);
  await assert.rejects(platform.paymentLinks.get(link.id), (error) => {
    assert.ok(error instanceof NotFoundError);
    assert.deepEqual([error.code, error.status], ["resource_not_found", 404]);
    return true;
  });
  await assert.rejects(platform.paymentLinks.create({ ...terms, amount: "0" }), (error) => {
    assert.ok(error instanceof ApiError);
    assert.deepEqual([error.code, error.param], ["invalid_field_value", "amount"]);
    return true;
  });
}

async function products(platform) {
  const product = await platform.products.create({ ...terms, product_type: "one_time", metadata: { sku: "1" } });
  assert.deepEqual([product.object, product.is_active], ["product", true]);
  assert.deepEqual(await platform.products.get(product.id), product);
  assert.equal((await platform.products.update(product.id, { name: "Mug" })).name, "Mug");
  assert.equal((await platform.products.list({ search: "mug" })).total_count, 1);
  const link = await platform.products.generateLink(product.id);
  assert.deepEqual([link.object, link.product_id], ["payment_link", product.id]);
  assert.equal((await platform.products.delete(product.id)).deleted, true);
}

async function checkoutSessions(platform) {
  const link = await platform.paymentLinks.create(terms);
  const session = await platform.checkoutSessions.create({
    payment_link_id: link.id,
    client_reference_id: "order_456",
    customer_email: "alice@example.com",
    metadata: { user_id: "clerk_abc" },
    utm_source: "twitter",
  });
  assert.deepEqual([session.object, session.status, session.amount], ["checkout_session", "open", terms.amount]);
  assert.deepEqual(await platform.checkoutSessions.get(session.id), session);
  assert.equal((await platform.checkoutSessions.list({ status: "open" })).total_count, 1);
  assert.equal((await platform.checkoutSessions.expire(session.id)).status, "expired");
}

// A payment of a fresh session, without a chain; the published client knows no test helpers.
async function pay(platform, body) {
  const link = await platform.paymentLinks.create(terms);
  const session = await platform.checkoutSessions.create({ payment_link_id: link.id });
  const response = await fetch(`${baseUrl}/test-helpers/checkout-sessions/${session.id}/pay`, {
    method: "POST",
    headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.equal(response.status, 200);
  return response.json();
}

async function transactions(platform) {
  const session = await pay(platform, { payer_address: recipient_address });
  const { data, total_count } = await platform.transactions.list({ status: "completed", customer_id: session.customer_id });
  assert.equal(total_count, 1);
  const [transaction] = data;
  assert.deepEqual(
    [transaction.object, transaction.from_address, transaction.tx_hash, transaction.amount_usd],
    ["transaction", recipient_address, session.tx_hash, "10.00"],
  );
  assert.deepEqual(await platform.transactions.get(transaction.id), transaction);
  const yesterday = Date.now() - 86_400_000;
  assert.equal((await platform.transactions.list({ from: yesterday, to: Date.now() + 1_000 })).total_count, 1);
  const stats = await platform.transactions.stats();
  assert.deepEqual(
    [stats.totalTransactions, stats.completedTransactions, stats.totalVolumeUsd, stats.last24h.volumeUsd],
    [1, 1, "10.00", "10.00"],
  );
  assert.equal(stats.statusBreakdown.completed, 1);
  const overview = await platform.analytics.overview("7d");
  assert.deepEqual([overview.object, overview.period, overview.daily.length], ["analytics_overview", "7d", 7]);
  assert.deepEqual([overview.revenue.period_usd, overview.daily[6].revenue_usd], ["10.00", 10]);
  const [header, row] = (await platform.transactions.export({ status: "completed" })).split("\n");
  assert.match(header, /^id,status,amount,amount_usd,/);
  assert.equal(row.split(",")[0], transaction.id);
}

async function customers(platform) {
  const customer = await platform.customers.create({
    wallet_address: "0x00000000000000000000000000000000000000aa",
    name: "Alice",
    metadata: { plan: "pro" },
  });
  assert.deepEqual([customer.object, customer.total_paid, customer.first_payment_at], ["customer", "0.00", null]);
  assert.deepEqual(await platform.customers.get(customer.id), customer);
  const email = "alice@example.com";
  assert.equal((await platform.customers.update(customer.id, { email })).email, email);
  const session = await pay(platform, { payer_address: customer.wallet_address });
  assert.equal(session.customer_id, customer.id);
  const paid = await platform.customers.get(customer.id);
  assert.deepEqual([paid.total_paid, paid.transaction_count], ["10.00", 1]);
  assert.deepEqual((await platform.customers.transactions(customer.id)).data.map(({ tx_hash }) => tx_hash), [session.tx_hash]);
  const seen = [];
  for await (const { id } of platform.customers.listAutoPaginate()) seen.push(id);
  assert.equal(seen.includes(customer.id), true);
  const exported = (await platform.customers.export({ format: "csv", from: Date.now() - 86_400_000 })).split("\n");
  assert.match(exported[0], /^id,wallet_address,name,email,/);
  assert.equal(exported.some((line) => line.startsWith(`${customer.id},`) && line.includes(",Alice,")), true);
  assert.equal((await platform.customers.delete(customer.id)).deleted, true);
  await assert.rejects(platform.customers.get(customer.id), (error) => error instanceof NotFoundError);
}

async function webhooks(platform) {
  const arrived = [];
  const receiver = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      arrived.push(request.headers["x-anyspend-event"]);
      response.end("thanks");
    });
  });
  await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const webhook = await platform.webhooks.create({
    url: `http://127.0.0.1:${receiver.address().port}/hook`,
    events: ["payment.completed"],
    description: "orders",
  });
  assert.deepEqual([webhook.object, webhook.is_active, webhook.secret.slice(0, 6)], ["webhook", true, "whsec_"]);
  const { secret, ...shown } = webhook;
  assert.deepEqual(await platform.webhooks.get(webhook.id), shown);
  assert.deepEqual((await platform.webhooks.list()).data, [shown]);
  const sent = await platform.webhooks.test(webhook.id);
  assert.equal(sent.object, "action");
  // The jobs run every two seconds; the limit only keeps a broken platform from hanging the test.
  const log = async (wanted) => {
    for (let tries = 0; tries < 300; tries += 1) {
      const { data } = await platform.webhooks.deliveries(webhook.id, { page: 1, limit: 5 });
      if (data[0]?.status === "success" && data[0].attempts === wanted) return data[0];
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error("the delivery was never made");
  };
  const delivery = await log(1);
  assert.deepEqual(
    [delivery.object, delivery.id, delivery.event_type, delivery.status_code, delivery.response_body],
    ["webhook_delivery", sent.delivery_id, "test.ping", 200, "thanks"],
  );
  assert.equal((await platform.webhooks.retry(webhook.id, delivery.id)).object, "action");
  await log(2);
  assert.deepEqual(arrived, ["test.ping", "test.ping"]);
  const updated = await platform.webhooks.update(webhook.id, { events: ["*"], is_active: false });
  assert.deepEqual([updated.events, updated.is_active, updated.success_count], [["*"], false, 2]);
  assert.equal((await platform.webhooks.delete(webhook.id)).deleted, true);
  await assert.rejects(platform.webhooks.get(webhook.id), (error) => error instanceof NotFoundError);
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
}

async function everybodyElse() {
  const link = await AnySpendPlatformClient.quickPay({ recipient_address, amount: "5000000" }, baseUrl);
  assert.equal(link.object, "payment_link");
  const stranger = new AnySpendPlatformClient("asp_test_nobody", { baseUrl });
  await assert.rejects(stranger.paymentLinks.list(), (error) => error instanceof AuthenticationError);
}

(async () => {
  const platform = new AnySpendPlatformClient(key, { baseUrl });
  await paymentLinks(platform);
  await products(platform);
  await checkoutSessions(platform);
  await transactions(platform);
  await customers(platform);
  await webhooks(platform);
  await everybodyElse();
  console.log("every method answered as typed");
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
