// Looks at every page of the storybook, at two widths, light and dark: takes its
// picture, has axe-core look for violations of WCAG 2.2 AA, and notes what it
// weighs and whether anything came from another host. Prints one JSON object.
//
//   node shots.mjs BASE FOLDER [PATTERN]   (PATTERN: only pages whose path it matches)
//
// LOOKS names widths and schemes other than all: LOOKS=360:dark,1280:light.
import { chromium } from 'playwright-core';
import { readFile, mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';

const [base, folder, only] = process.argv.slice(2);
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
await mkdir(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || undefined, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking'] });
const result = { pages: 0, violations: [], wide: [], heavy: [], foreign: [], faults: [], heaviest: 0 };
const origin = new URL(base).origin;

const list = await browser.newPage();
await list.goto(base + '/panel/storybook/');
const paths = await list.$$eval('li a', (links) => links.map((a) => a.getAttribute('href')));
await list.close();

const languages = ['en', 'pl', 'sl', 'el', 'ru'];
let n = 0;
for (const [width, height] of [[1280, 900], [360, 740]]) {
  for (const colorScheme of ['light', 'dark']) {
    if (process.env.LOOKS && !process.env.LOOKS.split(',').includes(`${width}:${colorScheme}`)) { continue; }
    const context = await browser.newContext({ viewport: { width, height }, colorScheme, bypassCSP: true, reducedMotion: 'reduce' });
    const page = await context.newPage();
    let weight = 0;
    page.on('requestfinished', async (request) => {
      if (new URL(request.url()).origin !== origin) { result.foreign.push(request.url()); }
      try { weight += (await request.sizes()).responseBodySize; } catch { /* the page has gone on */ }
    });
    page.on('pageerror', (e) => result.faults.push(page.url() + ': ' + e.message));
    for (const path of paths) {
      if (only && !new RegExp(only).test(path)) { continue; }
      // The languages take turns, so that each page is seen in several.
      const lang = width === 1280 && colorScheme === 'light' ? 'en' : languages[n++ % languages.length];
      const name = path.replace(/\?.*/, '').replace('/panel/storybook/', '').replaceAll('/', '-');
      weight = 0;
      await page.goto(base + path.replace(/lang=\w+/, 'lang=' + lang), { waitUntil: 'load' });
      if (weight > result.heaviest) { result.heaviest = weight; }
      if (weight > 150 * 1024) { result.heavy.push(`${name}: ${weight}`); }
      result.pages++;
      await page.screenshot({ path: `${folder}/${name}-${width}-${colorScheme}.png`, fullPage: true });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      if (overflow > 0) { result.wide.push(`${name} in ${lang} at ${width}: ${overflow} px`); }
      if (!(await page.$('h1'))) { continue; } // a piece of a page
      await page.evaluate(axe);
      const found = await page.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
      for (const v of found.violations) {
        result.violations.push(`${name} ${lang} ${width} ${colorScheme}: ${v.id}: ${v.nodes.slice(0, 3).map((x) => x.target.join(' ') + ' ' + (x.any[0]?.message || x.all[0]?.message || x.none[0]?.message || '')).join(' | ')}`);
      }
    }
    await context.close();
  }
}
await browser.close();
console.log(JSON.stringify(result, null, 1));
