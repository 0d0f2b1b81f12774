// What the scripts share: starting the browser, and looking at a page at two
// widths, light and dark, with a picture of each, axe-core's judgement and a
// measure of what is wider than the window.
import { chromium } from 'playwright-core';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

// Nobody waits that long unless something hangs; a busy machine is slow.
export const patience = 180_000;

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
export const wide = { width: 1280, height: 900 };
export const narrow = { width: 360, height: 740 };
// Where tables are tables still, and have the least room.
export const middle = { width: 801, height: 1024 };

// Starts the browser that CHROMIUM names.
export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM, timeout: patience,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
}

// What a page that was looked at has wrong with it.
export function faultless() { return { violations: [], wide: [], broken: [] }; }

// Finds whether a page is wider than its window.
async function overflow(page, name, found) {
  const { width, over } = await page.evaluate(() => ({ width: window.innerWidth, over: document.documentElement.scrollWidth - window.innerWidth }));
  if (over > 0) { found.wide.push(`${name} at ${width}: ${over} px`); }
}

// Finds that, and short words that go on in the next line.
export async function measure(page, name, found) {
  await overflow(page, name, found);
  const { width, words } = await page.evaluate(() => {
    const words = [], range = document.createRange();
    const lines = () => new Set([...range.getClientRects()].map((r) => Math.round(r.top))).size;
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let n = texts.nextNode(); n; n = texts.nextNode()) {
      if (n.parentElement.closest('.hide, .free, tbody th, pre, code, script, option, textarea') || getComputedStyle(n.parentElement.closest('thead') || document.body).position === 'absolute') { continue; }
      range.selectNodeContents(n);
      if (lines() < 2) { continue; }
      for (const word of n.data.matchAll(/[\p{L}\p{N}]+/gu)) {
        if (word[0].length > 16) { continue; }
        range.setStart(n, word.index);
        range.setEnd(n, word.index + word[0].length);
        if (lines() > 1) { words.push(word[0]); }
      }
    }
    return { width: window.innerWidth, words };
  });
  if (words.length) { found.broken.push(`${name} at ${width}: ${words.slice(0, 5).join(', ')}`); }
}

// Looks at the page as it stands at one width, in each scheme: picture FILE-WIDTH-SCHEME.png.
export async function look(page, size, file, name, found) {
  await page.setViewportSize(size);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.screenshot({ path: `${file}-${size.width}-${colorScheme}.png`, fullPage: true, timeout: patience });
    // Words break in one scheme as in the other, and take longer to look at.
    await (colorScheme === 'light' ? measure : overflow)(page, name, found);
    if (!(await page.$('h1'))) { continue; } // a piece of a page
    if (!(await page.evaluate(() => typeof window.axe === 'object'))) { await page.evaluate(axe); }
    const judged = await page.evaluate((runOnly) => window.axe.run(document, { runOnly, resultTypes: ['violations'] }), rules);
    for (const v of judged.violations) {
      const where = v.nodes.slice(0, 3).map((x) => `${x.target.join(' ')} ${(x.any[0] || x.all[0] || x.none[0])?.message || ''}`);
      found.violations.push(`${name} ${size.width} ${colorScheme}: ${v.id}: ${where.join(' | ')}`);
    }
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
}
