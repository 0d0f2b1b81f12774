// Goes through a merchant's day in a real browser, against a real server, from
// the first owner to the audit. Prints what it did; any disappointment ends it
// with an error.
//
//   node flow.mjs BASE CODE FOLDER scripts|plain
import { chromium } from 'playwright-core';
import { mkdir, writeFile } from 'node:fs/promises';

const [base, code, folder, mode] = process.argv.slice(2);
const scripts = mode !== 'plain';
await mkdir(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || undefined, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'] });
const context = await browser.newContext({ javaScriptEnabled: scripts, locale: 'en-GB', viewport: { width: 1280, height: 900 } });
const page = await context.newPage();
page.setDefaultTimeout(15000);
const faults = [];
page.on('pageerror', (e) => faults.push(e.message));
page.on('dialog', (d) => d.accept());

let step = 0;
async function shot(name) { await page.screenshot({ path: `${folder}/${mode}-${String(++step).padStart(2, '0')}-${name}.png`, fullPage: true }); }
function say(text) { console.log(`${mode}: ${text}`); }
function must(ok, text) { if (!ok) { throw new Error(text); } }
async function text() { return page.locator('main').innerText(); }
async function go(path) { await page.goto(base + '/panel' + path); }
const pause = (ms) => new Promise((r) => { setTimeout(r, ms); });
// Waits until something is so, loading the page anew where nothing else would.
async function until(what, ask, again) {
  const end = Date.now() + 40000;
  while (Date.now() < end) {
    if (await ask()) { return; }
    await pause(300);
    if (again) { await again(); }
  }
  throw new Error('never came: ' + what);
}

// A catalog of so many products; every price is larger by more.
function catalog(n, more = 0) {
  const lines = [];
  for (let i = 1; i <= n; i++) {
    lines.push(JSON.stringify({ id: i, name: { pol: `Rzecz ${i}`, eng: `Thing ${i}` }, vat: '23', currency: 'PLN', category: i % 2 ? 'Bikes' : 'Lamps', producer: 'Wisła', unit: 'szt.',
      price: `${(100 + i + (i % 10 ? 0 : more)).toFixed(2)}`, sizes: [{ code: `C-${i}`, stock: [{ warehouse: 1, quantity: i % 7 }] }] }));
  }
  return lines.join('\n') + '\n';
}

async function importCatalog(content, name) {
  const file = `${folder}/${name}`;
  await writeFile(file, content);
  await go('/import');
  await page.setInputFiles('input[name=file]', file);
  await page.locator('main form button').first().click();
  await page.waitForURL(/\/import\/[A-Z0-9]+/);
  const seen = new Set();
  await until('an import that was read', async () => {
    const t = await text();
    if (/being read/.test(t)) { seen.add('reading'); }
    return /waits for you|refused|failed/.test(t);
  }, scripts ? null : () => page.reload());
  const t = await text();
  must(/waits for you/.test(t), 'the import was not read: ' + t);
  await shot('import-' + name.replace(/\W/g, '-'));
  await page.locator('form[action$="/merge"] button').click();
  await until('a merged import', async () => /What has changed/.test(await text()), scripts ? null : () => page.reload());
  return { seen, before: t };
}

async function openOffer() {
  await go('/generations');
  await page.locator('main table a').first().click();
}

try {
  // The first owner.
  await go('/setup');
  await page.fill('#f-code', code);
  await page.fill('#f-merchant', 'Hurtownia Rowerowa');
  await page.selectOption('#f-language', 'pol');
  await page.selectOption('#f-currency', 'PLN');
  await page.fill('#f-login', 'anna@example.com');
  await page.fill('#f-name', 'Anna Kowalska');
  await page.fill('#f-new-password', 'four good words here');
  await shot('setup');
  await page.locator('main form button').click();
  await page.waitForURL(/\/panel\/(account.*)?$/);
  say('the first owner is set up');

  // The catalog, with its progress.
  const first = await importCatalog(catalog(100), 'catalog.jsonl');
  must(/100/.test(first.before), 'the import does not count 100 products: ' + first.before);
  await go('/products?q=C-17');
  must(/Rzecz 17|Thing 17/.test(await text()), 'a product is not found by its code');
  say('100 products are imported and found');

  // A partner with an offer.
  await go('/partners/new');
  await page.fill('#f-name', 'Nord Shop');
  await page.fill('#f-email', 'it@nord.example');
  await page.locator('main form button').last().click();
  await page.waitForURL(/\/partners\/p-[a-z2-7]+$/);
  const partner = page.url();
  say('a partner is there');

  // Price rules: what they would change, and storing them.
  await page.goto(partner + '/settings');
  await page.fill('#f-overall', '12.5');
  await page.locator('button[value=preview]').click();
  await page.waitForSelector('#preview');
  must(/cheaper/i.test(await text()), 'the preview tells nothing: ' + await text());
  must(await page.inputValue('#f-overall') === '12.5', 'the preview has lost what was typed');
  await shot('preview');
  await page.locator('button[value=save]').click();
  await page.waitForURL(partner);
  say('a discount was looked at before and stored');

  // The link, and the feed behind it.
  await page.locator('form[action$="/links"] button').first().click();
  await page.waitForSelector('.secret input');
  let address = await page.inputValue('.secret input');
  await shot('link');
  let answer;
  await until('a published offer', async () => {
    answer = await fetch(address);
    return answer.status === 200 && (await fetch(address.replace('gateway.xml', 'light.xml'))).status === 200;
  });
  const light = await (await fetch(address.replace('gateway.xml', 'light.xml'))).text();
  must((light.match(/<product /g) || []).length === 100, 'the light file has not 100 products');
  say('the feed is fetched by its link');

  // Off in the list: refused within a second, and the row says so.
  await go('/partners');
  const row = () => page.locator('tr[id^=row-]').first();
  await row().locator('button[role=switch]').click();
  const began = Date.now();
  await until('a refusal', async () => (await fetch(address)).status === 404 || (await fetch(address)).status === 403);
  const took = Date.now() - began;
  must(took < 1000, `the refusal came after ${took} ms`);
  await until('a row that says so', async () => /nothing/i.test(await row().innerText()) && await row().locator('button[role=switch]').getAttribute('aria-checked') === 'false');
  await shot('off');
  await row().locator('button[role=switch]').click();
  await until('an answer again', async () => (await fetch(address)).status === 200);
  await until('a row that says on', async () => await row().locator('button[role=switch]').getAttribute('aria-checked') === 'true');
  say(`switched off, refused after ${took} ms, and on again`);

  // A new link in the old one's place.
  await page.goto(partner);
  await page.locator('main a[href*="/links/"]').first().click();
  await page.locator('form[action$="/rotate"] button').click();
  await page.waitForSelector('.secret input');
  const next = await page.inputValue('.secret input');
  must(next !== address, 'the rotation gave the same address');
  must((await fetch(next)).status === 200, 'the new address does not answer');
  address = next;
  say('the link is rotated');

  // Why, and what was sent.
  await go('/products/17');
  await page.locator('a[href*="/why/"]').first().click();
  await page.waitForSelector('pre.xml');
  must(/12.5/.test(await text()) && /id="17"/.test(await text()), 'why does not tell the discount and the node');
  await shot('why');

  // Two generations, told apart.
  await importCatalog(catalog(100, 50), 'dearer.jsonl');
  const differ = page.locator('input[name=a]');
  await openOffer();
  await until('a second generation', async () => (await differ.count()) > 1, () => page.reload());
  await page.locator('main form button').last().click();
  await page.waitForURL(/compare\?/);
  must(/changed/.test(await text()), 'the comparison tells nothing: ' + await text());
  await shot('compare');
  await page.locator('a[href*="/compare/"]').first().click();
  await page.waitForSelector('pre.diff ins');
  must(await page.locator('pre.diff del').count() > 0, 'no line was taken away');
  await shot('difference');
  say('two generations are compared, product by product');

  // What loses half of the products is held, and people decide.
  await importCatalog(catalog(50, 50), 'half.jsonl');
  await until('a held generation', async () => { await go('/held'); return (await page.locator('form[action$="/release"]').count()) > 0; });
  await shot('held');
  must(((await (await fetch(address.replace('gateway.xml', 'light.xml'))).text()).match(/<product /g) || []).length === 100, 'what is held is served');
  await page.locator('form[action$="/release"] button').first().click();
  await page.waitForURL(/\/held/);
  await until('the released offer', async () => {
    const full = await (await fetch(address.replace('gateway.xml', 'full_change.xml'))).text().catch(() => '');
    const light = await (await fetch(address.replace('gateway.xml', 'light.xml'))).text();
    return /removed/.test(full) || (light.match(/quantity="0/g) || []).length >= 50;
  });
  say('a held generation is released');

  // The audit has all of it.
  await go('/audit');
  const log = await text();
  for (const word of ['anna@example.com', 'link rotated', 'switched off', 'partner added']) {
    must(log.includes(word), 'the audit does not tell: ' + word);
  }
  await shot('audit');
  for (const path of ['/', '/partners', '/import', '/runs', '/held', '/pictures', '/settings', '/shops', '/rates', '/users', '/generations', '/account']) {
    await go(path);
    must(await page.locator('h1').count() === 1, path + ' has no heading');
    await shot('page' + path.replaceAll('/', '-'));
  }
  must(faults.length === 0, 'scripts failed: ' + faults.join('; '));
  say('the audit tells all of it');
} catch (e) {
  await shot('fault').catch(() => {});
  console.error(`${mode}: at ${page.url()}: ${e.message}`);
  console.error((await text().catch(() => '')).slice(0, 1500));
  process.exitCode = 1;
} finally {
  await browser.close();
}
