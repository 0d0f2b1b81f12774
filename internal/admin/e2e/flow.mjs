// Goes through a merchant's day in a real browser, against a real server, from
// the first owner to the audit and to what his partner sees. Prints what it did
// and then one JSON object with what is wrong with the pages on the way; any
// disappointment ends it with an error.
//
//   node flow.mjs BASE CODE FOLDER scripts|plain
import { mkdir, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { faultless, launch, look, narrow, patience, wide } from './browser.mjs';

const [base, code, folder, mode] = process.argv.slice(2);
const scripts = mode !== 'plain';
const password = 'four good words here';
await mkdir(folder, { recursive: true });
const browser = await launch();
const result = { pages: 0, heaviest: 0, heavy: [], foreign: [], faults: [], ...faultless() };

// Opens a window of its own, of somebody who is not signed in.
async function visitor() {
  const context = await browser.newContext({ javaScriptEnabled: scripts, locale: 'en-GB', viewport: wide, permissions: ['clipboard-read', 'clipboard-write'] });
  const opened = await context.newPage();
  opened.setDefaultTimeout(patience);
  opened.on('pageerror', (e) => result.faults.push(`${opened.url()}: ${e.message}`));
  opened.on('dialog', (d) => d.accept());
  const whence = (request) => { if (new URL(request.url()).origin !== new URL(base).origin) { result.foreign.push(request.url()); } };
  opened.on('requestfinished', whence);
  opened.on('requestfailed', whence);
  return opened;
}
const page = await visitor();

let step = 0;
// Looks at a page as it stands; what is wrong with it is told at the end. Pages
// are the same without scripts, so that one picture of each is enough there.
async function shot(name, of = page) {
  const file = `${folder}/${String(++step).padStart(2, '0')}-${name}`;
  result.pages++;
  if (!scripts) { await of.screenshot({ path: file + '.png', fullPage: true, timeout: patience }); return; }
  await look(of, narrow, file, name, result);
  await look(of, wide, file, name, result);
}
function say(text) { console.log(`${mode}: ${text}`); }
function must(ok, text) { if (!ok) { throw new Error(text); } }
async function text(of = page) { return of.locator('main').innerText(); }
async function go(path, of = page) { await of.goto(base + '/panel' + path); }
const pause = (ms) => new Promise((r) => { setTimeout(r, ms); });
// Waits until something is so, loading the page anew where nothing else would.
async function until(what, ask, again) {
  const end = Date.now() + patience;
  while (Date.now() < end) {
    if (await ask()) { return; }
    await pause(200);
    if (again) { await again(); }
  }
  throw new Error('never came: ' + what);
}

// Asks as a browser that has nothing yet, and gives how many bytes were sent and what.
async function received(url, of) {
  const cookies = (await of.context().cookies()).map((c) => `${c.name}=${c.value}`).join('; ');
  const ask = (headers) => new Promise((done, fail) => {
    get(url, { headers: { Cookie: cookies, Accept: 'text/html', ...headers } }, (res) => {
      const parts = [];
      res.on('data', (d) => parts.push(d)).on('end', () => done(Buffer.concat(parts))).on('error', fail);
    }).on('error', fail);
  });
  return { bytes: (await ask({ 'Accept-Encoding': 'gzip' })).length, text: (await ask({})).toString() };
}
// Weighs a page with everything that it names.
async function weigh(path, of = page) {
  const html = await received(base + '/panel' + path, of);
  let { bytes } = html;
  for (const m of html.text.matchAll(/(?:src|href)="(\/panel\/assets\/[^"]+)"/g)) { bytes += (await received(base + m[1], of)).bytes; }
  result.heaviest = Math.max(result.heaviest, bytes);
  if (bytes > 150 * 1024) { result.heavy.push(`${path}: ${bytes}`); }
}

// A catalog of so many things, from an id on; every tenth is dearer by so much.
function things(n, { more = 0, from = 1 } = {}) {
  const lines = [];
  for (let i = from; i < from + n; i++) {
    lines.push(JSON.stringify({ id: i, name: { pol: `Rzecz ${i}`, eng: `Thing ${i}` }, vat: '23', currency: 'PLN', category: i % 2 ? 'Bikes' : 'Lamps', producer: 'Wisła', unit: 'szt.',
      price: `${(100 + i % 1000 + (i % 10 ? 0 : more)).toFixed(2)}`, sizes: [{ code: `C-${i}`, stock: [{ warehouse: 1, quantity: i % 7 }] }] }));
  }
  return lines.join('\n') + '\n';
}

// Sends a file and comes to the page of its import.
async function send(file, keep) {
  await go('/import');
  if (keep) { await page.check('#f-keep'); }
  await page.setInputFiles('input[name=file]', file);
  await page.locator('main form button').first().click();
  await page.waitForURL(/\/import\/[A-Z0-9]+/);
}
const follow = scripts ? null : () => page.reload();
async function read() {
  await until('an import that was read', async () => /waits for you|refused|failed/.test(await text()), follow);
  must(/waits for you/.test(await text()), 'the import was not read: ' + await text());
}
async function importCatalog(content, name, keep, asked) {
  const file = `${folder}/${name}`;
  await writeFile(file, content);
  await importFile(file, name, keep, asked);
}
// Presses a button of what asks once more: within the page where scripts run, by a page of its own where none do.
async function pressSure(button, name) {
  await button.click();
  if (scripts) { return; }
  await page.waitForSelector('input[name=sure]', { state: 'attached' });
  await shot('sure-' + name);
  await page.locator('main form button').click();
}
async function importFile(file, name, keep, asked) {
  await send(file, keep);
  await read();
  await shot('import-' + name.replace(/\W/g, '-'));
  const merge = page.locator('form[action$="/merge"] button');
  await (asked ? pressSure(merge, 'import') : merge.click());
  await until('a merged import', async () => /What has changed/.test(await text()), follow);
}

// Does what shows a secret; who has signed in long ago gives his password once more.
async function secret(act) {
  for (;;) {
    await act();
    await page.waitForSelector('.secret input, form[action="/panel/prove"]');
    if (await page.locator('.secret input').count()) { return page.inputValue('.secret input'); }
    await page.fill('#f-password', password);
    await page.locator('form[action="/panel/prove"] button').click();
    await page.waitForURL((url) => !url.pathname.endsWith('/prove'));
  }
}

const fileOf = (gateway, name) => fetch(gateway.replace('gateway.xml', name));
const products = async (gateway) => ((await (await fileOf(gateway, 'light.xml')).text()).match(/<product /g) || []).length;

async function theFirstOwner() {
  await go('/setup');
  await shot('setup-empty');
  await page.fill('#f-code', code);
  await page.fill('#f-merchant', 'Hurtownia Rowerowa');
  await page.selectOption('#f-language', 'pol');
  await page.selectOption('#f-currency', 'PLN');
  await page.fill('#f-login', 'anna@example.com');
  await page.fill('#f-name', 'Anna Kowalska');
  await page.fill('#f-new-password', password);
  await shot('setup');
  await page.locator('main form button').click();
  await page.waitForURL(/\/panel\/(account.*)?$/);
  await shot('fresh');
  say('the first owner is set up');
}

async function theCatalog() {
  await importFile('../../../cmd/feedmill/sample/catalog.jsonl', 'sample');
  await go('/products');
  must(/Granit|Plecak/.test(await text()), 'the sample catalog is not there: ' + await text());
  await importCatalog(things(100, { from: 5001 }), 'things.jsonl', true);
  await go('/products?q=C-5017');
  must(/Rzecz 5017|Thing 5017/.test(await text()), 'a product is not found by its code');
  await shot('products');
  say('the sample catalog and 100 things more are imported and found');
  // How far an import is can be seen where it takes long enough to look.
  for (let n = 60_000; ; n *= 2) {
    must(n < 1_000_000, 'no import ever said how far it is');
    const file = `${folder}/long.jsonl`;
    await writeFile(file, things(n, { from: 100_001 }));
    await send(file, true);
    const seen = await page.locator('#task progress').count() && /being read/.test(await text());
    if (seen) { await shot('progress'); }
    await writeFile(file, '');
    await read();
    await page.locator('form[action$="/discard"] button').click();
    await until('a discarded import', async () => /discarded/.test(await text()), follow);
    if (seen) { break; }
  }
  say('an import tells how far it is, and is discarded');
}

async function aPartner() {
  await go('/partners');
  await shot('no-partners');
  await go('/partners/new');
  await page.fill('#f-name', 'Nord Shop');
  await page.fill('#f-email', 'it@nord.example');
  await shot('new-partner');
  await page.locator('main form button').last().click();
  await page.waitForURL(/\/partners\/p-[a-z2-7]+$/);
  const partner = page.url();
  await page.goto(partner + '/settings');
  await page.fill('#f-overall', '12.5');
  await page.locator('button[value=preview]').click();
  await page.waitForSelector('#preview');
  must(/cheaper/i.test(await text()), 'the preview tells nothing: ' + await text());
  must(await page.inputValue('#f-overall') === '12.5', 'the preview has lost what was typed');
  await shot('preview');
  await page.locator('button[value=save]').click();
  await page.waitForURL(partner);
  say('a partner is there; his discount was looked at before and stored');
  return partner;
}

async function theLink() {
  let address = await secret(() => page.locator('form[action$="/links"] button').first().click());
  await shot('link');
  if (scripts) {
    await page.locator('.secret button').click();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    must(copied === address, `the button copied ${copied}`);
  } else {
    must(!(await page.locator('.secret button').isVisible()), 'there is a button that cannot copy');
  }
  await until('a published offer', async () => (await fetch(address)).status === 200 && (await fileOf(address, 'light.xml')).status === 200);
  const count = await products(address);
  must(count > 100, `the light file has ${count} products`);
  say(`the feed is fetched by its link: ${count} products`);
  return { address, count };
}

async function offAndOn(address) {
  await go('/partners');
  const row = page.locator('tr[id^=row-]').first();
  const turned = (on) => until(`a row that says ${on}`, async () => await row.locator('button[role=switch]').getAttribute('aria-checked') === String(on) && /nothing/i.test(await row.innerText()) !== on);
  must((await fetch(address)).status === 200, 'the offer is not there before');
  await row.locator('button[role=switch]').click();
  await turned(false);
  // What the row says is in force: the very next request is refused. How long
  // that took is for information; a busy browser is slow to show a row.
  const refused = await fetch(address);
  must(refused.status === 403 || refused.status === 404, `the row says off, and the offer answers ${refused.status}`);
  must((await fileOf(address, 'light.xml')).status === refused.status, 'its files are still served');
  await shot('off');
  // By the keyboard, which stays where it was.
  await row.locator('button[role=switch]').focus();
  await page.keyboard.press('Space');
  await turned(true);
  must((await fetch(address)).status === 200, 'the row says on, and the offer is refused');
  await until('the focus on the switch that was turned', () => page.evaluate(() => document.activeElement.getAttribute('role') === 'switch'));
  if (scripts) {
    // A double click turns once, however fast the row has answered the first half.
    const at = await row.locator('button[role=switch]').boundingBox();
    await page.mouse.click(at.x + at.width / 2, at.y + at.height / 2);
    await turned(false);
    let asked = 0;
    const count = (request) => { asked += request.method() === 'POST' ? 1 : 0; };
    page.on('request', count);
    await page.mouse.down({ clickCount: 2 });
    await page.mouse.up({ clickCount: 2 });
    await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
    page.off('request', count);
    must(asked === 0, 'the second half of a double click turns the switch back');
    await row.locator('button[role=switch]').click();
    await turned(true);
    // What a proxy answers in the panel's place, or nobody, is told.
    for (const [answer, words] of [[(r) => r.fulfill({ status: 502, body: 'bad gateway' }), /did not answer/], [(r) => r.abort(), /did not answer/], [(r) => r.fulfill({ status: 413, body: 'too large' }), /files of this size/]]) {
      await page.evaluate(() => document.getElementById('flash').replaceChildren());
      await page.route(/\/feed$/, answer);
      await row.locator('button[role=switch]').click();
      await until('a word about an answer that is not the panel\'s', async () => words.test(await page.locator('#flash').innerText()));
      await page.unroute(/\/feed$/);
    }
    await go('/partners');
    await turned(true);
  }
  await shot('on');
  say('switched off in the list, refused at once, and on again');
}

// By the keyboard on the partner's page, which comes anew: who turns a switch stands at it still.
async function onTheCard(partner, address) {
  await page.goto(partner);
  const mine = page.locator('form.switch[action$="/feed"] button').first();
  for (const on of [false, true]) {
    await mine.focus();
    await page.keyboard.press('Space');
    await until(`a page that says ${on}`, async () => await mine.getAttribute('aria-checked') === String(on));
    must((await fetch(address)).status === 200 === on, `the page says ${on}, and the offer does not`);
    await until('the focus on the switch that was turned', () => mine.evaluate((b) => document.activeElement === b));
  }
  say('switched off and on on his page');
}

async function aNewLink(partner, address) {
  await page.goto(partner);
  await shot('card');
  await page.locator('main a[href*="/links/"]').first().click();
  await shot('link-card');
  const next = await secret(() => page.locator('form[action$="/rotate"] button').click());
  must(next !== address, 'the rotation gave the same address');
  must((await fetch(next)).status === 200, 'the new address does not answer');
  say('the link is rotated');
  return next;
}

async function why() {
  await go('/products/5017');
  await shot('product');
  await page.locator('a[href*="/why/"]').first().click();
  await page.waitForSelector('pre.xml');
  must(/12.5/.test(await text()) && /id="5017"/.test(await text()), 'why does not tell the discount and the node');
  await shot('why');
}

async function twoGenerations() {
  await importCatalog(things(100, { from: 5001, more: 50 }), 'dearer.jsonl', true);
  await go('/generations');
  await shot('generations');
  await page.locator('main table a').first().click();
  const old = page.locator('input[name=a]');
  await until('a second generation', async () => (await old.count()) > 1, () => page.reload());
  await shot('history');
  await page.locator('main form button').last().click();
  await page.waitForURL(/compare\?/);
  must(/changed/.test(await text()), 'the comparison tells nothing: ' + await text());
  await shot('compare');
  await page.locator('a[href*="/compare/"]').first().click();
  await page.waitForSelector('pre.diff ins');
  must(await page.locator('pre.diff del').count() > 0, 'no line was taken away');
  await shot('difference');
  say('two generations are compared, product by product');
}

// What loses half of the products is held, and people decide.
async function aHeldOne(address, count) {
  await importCatalog(things(50, { from: 5001, more: 50 }), 'half.jsonl', false, true);
  await until('a held generation', async () => { await go('/held'); return (await page.locator('form[action$="/release"]').count()) > 0; });
  await shot('held');
  await go('/');
  await shot('overview-held');
  must(await products(address) === count, 'what is held is served');
  await go('/held');
  await pressSure(page.locator('form[action$="/release"] button').first(), 'release');
  await page.waitForURL(/\/held$/);
  // Products that have gone are sold out in the light file that was released.
  await until('the released offer', async () => {
    const light = await (await fileOf(address, 'light.xml')).text();
    return (light.match(/<product /g) || []).length === 50 || (light.match(/quantity="0(\.0+)?"/g) || []).length >= count - 50;
  });
  await until('a list without it', async () => (await page.locator('form[action$="/release"]').count()) === 0, () => go('/held'));
  say('a held generation is released, and served from then on');
}

// A price list of its own, and a rate, with a look at what they would do.
async function priceList() {
  await go('/price-lists');
  await page.fill('#f-name', 'Hurt 2026');
  await page.locator('form[action="/panel/price-lists"] button').click();
  await page.waitForURL(/price-lists\/t-/);
  await page.fill('#f-item', 'C-5001');
  await page.fill('#f-price', '77,50');
  await page.locator('form[action$="/price"] button[value=save]').click();
  await until('the price in the list', async () => /77.50/.test(await text()));
  const file = `${folder}/prices.csv`;
  await writeFile(file, 'code,price\nC-5002,80\nC-5003,81\n');
  await page.setInputFiles('#f-file', file);
  await page.locator('form[action$="/file"] button[value=preview]').click();
  await page.waitForSelector('#preview');
  must((await page.inputValue('#f-lines')).includes('C-5003,81'), 'the file does not stand in the form after the preview');
  await shot('price-list-preview');
  await page.locator('form[action$="/file"] button[value=save]').click();
  await until('the prices of the file', async () => /81.00/.test(await text()));
  await shot('price-list');
  await go('/rates');
  await page.selectOption('#f-from', 'EUR');
  await page.selectOption('#f-to', 'PLN');
  await page.fill('#f-rate', '4,31');
  await page.locator('form[action="/panel/rates"] button[value=save]').click();
  await page.waitForSelector('form[action="/panel/rates/EUR-PLN"]');
  say('a price list and a rate are there');
}

async function theAudit() {
  await go('/audit');
  const log = await text();
  for (const word of ['anna@example.com', 'link rotated', 'switched off', 'partner added']) { must(log.includes(word), 'the audit does not tell: ' + word); }
  await shot('audit');
  await page.locator('form[action$="/audit/verify"] button').click();
  await page.waitForLoadState();
  await shot('audit-verified');
  say('the audit tells all of it');
}

// Everything that has not been looked at on the way.
async function theOtherPages(partner) {
  await page.goto(partner);
  const id = new URL(partner).pathname.replace('/panel', '');
  const offer = (await page.locator('main a[href*="/offers/o-"]').first().getAttribute('href')).replace('/panel', '');
  const link = (await page.locator('main a[href*="/links/l-"]').first().getAttribute('href')).replace('/panel', '');
  for (const path of ['/', '/partners', id, id + '/settings', id + '/ledger', id + '/audit', id + '/offers/new', offer, link, '/products', '/import', '/runs', '/held', '/pictures', '/settings', '/shops', '/rates', '/price-lists', '/users', '/users/new',
    '/generations', '/account', '/account/second-factor']) {
    await go(path);
    must(await page.locator('h1').count() === 1, path + ' has no heading');
    must(!/cannot be found|may not do/i.test(await text()), path + ' is no page: ' + await text());
    if (path === '/account/second-factor' && await page.locator('form[action="/panel/prove"]').count()) { await page.fill('#f-password', password); await page.locator('form[action="/panel/prove"] button').click(); }
    if (path === '/pictures' && scripts) { await page.waitForSelector('canvas'); }
    await shot('page' + path.replace(/[lop]-[a-z2-7]{16}/, 'id').replaceAll('/', '-'));
    await weigh(path);
  }
}

// What one of the partner's people sees.
async function thePortal() {
  await go('/users/new');
  await page.fill('#f-login', 'it@nord.example');
  await page.selectOption('#f-role', 'partner');
  await page.selectOption('#f-partner', { label: 'Nord Shop' });
  const way = await secret(() => page.locator('main form[action="/panel/users/new"] button').click());
  await shot('new-user');
  const guest = await visitor();
  await guest.goto(way);
  await shot('reset', guest);
  await guest.fill('#f-new-password', password);
  await guest.locator('main form button').click();
  await guest.waitForURL(/sign-in/);
  await shot('sign-in', guest);
  await guest.fill('#f-login', 'it@nord.example');
  await guest.fill('#f-password', password);
  await guest.locator('main form button').click();
  await guest.waitForURL(/\/panel\/portal/);
  await guest.locator('form[action$="/check"] button').first().click();
  await until('a check of the files', async () => /valid/.test(await text(guest)) && !/running|being checked/i.test(await text(guest)), () => go('/portal', guest));
  for (const path of ['/portal', '/portal/connect', '/portal/changes', '/portal/downloads', '/account']) {
    await go(path, guest);
    must(await guest.locator('h1').count() === 1, path + ' has no heading');
    await shot('partner' + path.replaceAll('/', '-'), guest);
    await weigh(path, guest);
  }
  await go('/portal', guest);
  await guest.fill('#f-text', 'A second link, please');
  await guest.locator('form[action$="/request"] button').click();
  await until('an answer to the request', async () => /has your request/.test(await text(guest)));
  await go('/partners/new', guest);
  must(/may not/i.test(await text(guest)), 'a partner sees a page of the merchant');
  await shot('partner-refused', guest);
  say('a partner sees his own, and asks for more');
}

try {
  await theFirstOwner();
  await theCatalog();
  const partner = await aPartner();
  const link = await theLink();
  await offAndOn(link.address);
  await onTheCard(partner, link.address);
  const address = await aNewLink(partner, link.address);
  await why();
  await twoGenerations();
  await aHeldOne(address, link.count);
  await priceList();
  await theAudit();
  await theOtherPages(partner);
  await thePortal();
  console.log(JSON.stringify(result, null, 1));
} catch (e) {
  await page.screenshot({ path: `${folder}/fault.png`, fullPage: true }).catch(() => {});
  console.error(`${mode}: at ${page.url()}: ${e.message}`);
  console.error((await text().catch(() => '')).slice(0, 1500));
  process.exitCode = 1;
} finally {
  await browser.close();
}
