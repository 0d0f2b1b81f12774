// Looks at every page of the storybook, at two widths, light and dark: takes its
// picture, has axe-core look for violations of WCAG 2.2 AA, and notes what it
// weighs and whether anything came from another host. Prints one JSON object.
//
//   node shots.mjs BASE FOLDER [PATTERN]   (PATTERN: only pages whose path it matches)
import { mkdir } from 'node:fs/promises';
import { faultless, launch, look, measure, middle, narrow, patience, wide } from './browser.mjs';

const [base, folder, only] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
const browser = await launch();
const result = { pages: 0, heaviest: 0, heavy: [], foreign: [], faults: [], ...faultless() };
const origin = new URL(base).origin;

const list = await browser.newPage();
await list.goto(base + '/panel/storybook/', { timeout: patience });
const paths = (await list.$$eval('li a', (links) => links.map((a) => a.getAttribute('href')))).filter((path) => !only || new RegExp(only).test(path));
await list.close();

// The languages take turns on narrow windows, so that each page is seen in several.
const languages = ['pl', 'sl', 'el', 'ru'];
const visits = paths.flatMap((path, i) => [{ path, size: wide, lang: 'en' }, { path, size: narrow, lang: languages[i % languages.length] }]);

// On paper a page has what it says and nothing to press, and no text ends at the edge of a box.
async function printed(page, name) {
  await page.emulateMedia({ media: 'print' });
  result.faults.push(...(await page.evaluate(() => {
    if (!document.querySelector('main')) { return []; } // a part of a page comes without its style
    const wrong = [...document.querySelectorAll('.menu, .foot, .acts, .switch, .top form')].filter((e) => e.checkVisibility()).map((e) => `${e.className || e.tagName} is printed`);
    const cut = [...document.querySelectorAll('pre, .xml')].filter((e) => e.scrollHeight > e.clientHeight + 2 && e.checkVisibility()).map((e) => `${e.tagName} is cut off`);
    const title = document.querySelector('h1');
    return [...wrong, ...cut, ...(title && !title.checkVisibility() && !title.closest('.hide') ? ['the title is not printed'] : [])];
  })).map((what) => `${name} on paper: ${what}`));
  await page.emulateMedia({ media: null });
}

// Two tabs take visits in turn: while one is painted, the other is judged.
async function tab() {
  const context = await browser.newContext({ bypassCSP: true });
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  let weight = 0, sizes = [];
  page.on('requestfinished', (request) => {
    if (new URL(request.url()).origin !== origin) { result.foreign.push(request.url()); }
    sizes.push(request.sizes().then((s) => { weight += s.responseBodySize + s.responseHeadersSize; }));
  });
  page.on('requestfailed', (request) => { if (new URL(request.url()).origin !== origin) { result.foreign.push(request.url()); } });
  page.on('pageerror', (e) => result.faults.push(page.url() + ': ' + e.message));
  for (let v = visits.shift(); v; v = visits.shift()) {
    const name = v.path.replace(/\?.*/, '').replace('/panel/storybook/', '').replaceAll('/', '-');
    weight = 0;
    sizes = [];
    await page.setViewportSize(v.size);
    await page.goto(base + v.path.replace(/lang=\w+/, 'lang=' + v.lang), { waitUntil: 'load' });
    await Promise.all(sizes);
    result.heaviest = Math.max(result.heaviest, weight);
    if (weight > 150 * 1024) { result.heavy.push(`${name}: ${weight}`); }
    result.pages++;
    await look(page, v.size, `${folder}/${name}`, `${name} in ${v.lang}`, result);
    if (v.size === wide) { await printed(page, name); }
    if (v.size === narrow) {
      await page.setViewportSize(middle);
      await measure(page, `${name} in ${v.lang}`, result);
    }
  }
  await context.close();
}
await Promise.all([tab(), tab()]);
await browser.close();
console.log(JSON.stringify(result, null, 1));
