import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const isBrowserMissing = !existsSync(CHROMIUM);
if (isBrowserMissing && process.env.REQUIRE_BROWSER === '1')
  throw new Error(`REQUIRE_BROWSER=1, and there is no browser at "${CHROMIUM}".`);
if (isBrowserMissing)
  console.log(`The console is not covered: there is no browser at "${CHROMIUM}" (set CHROMIUM).`);

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** For the `describe` it is called in: one browser, and pages that must be without an error in the end. */
export function useBrowser(): {
  withPage(
    work: (page: Page, faults: string[]) => Promise<void>,
    options?: BrowserContextOptions,
  ): Promise<void>;
} {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  });
  afterAll(() => browser.close());
  return {
    async withPage(work, options) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
      const page = await context.newPage();
      const faults: string[] = [];
      page.on('pageerror', (error) => faults.push(error.message));
      page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
      try {
        await work(page, faults);
        expect(faults).toEqual([]);
      } finally {
        await context.close();
      }
    },
  };
}

/** Writes a picture of the page to the folder that the variable names; nothing without it. */
export async function shot(
  page: Page,
  name: string,
  variable: 'SCREENSHOTS' | 'ALL_SCREENSHOTS' = 'SCREENSHOTS',
): Promise<void> {
  const folder = process.env[variable];
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

/** What the console is made for; a page starts as the first. */
const LOOKS = [
  { look: 'light', width: 1280, height: 800, colorScheme: 'light' },
  { look: 'dark', width: 1280, height: 800, colorScheme: 'dark' },
  { look: 'phone', width: 390, height: 844, colorScheme: 'light' },
  { look: 'phone-dark', width: 390, height: 844, colorScheme: 'dark' },
] as const;

const shownLast = new WeakMap<Page, number>();

/**
 * Shows what is on the page in each look, without loading it again: nothing but its style depends on the look. It begins with
 * the look that is shown and ends with another, so that each page is loaded in another look than the page before.
 */
export async function inEachLook(page: Page, check: (look: string) => Promise<void>): Promise<void> {
  const first = shownLast.get(page) ?? 0;
  for (const n of LOOKS.keys()) {
    const index = (first + n) % LOOKS.length;
    const { look, width, height, colorScheme } = LOOKS[index] as (typeof LOOKS)[number];
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    await page.locator(`html[data-theme="${colorScheme}"]`).waitFor();
    // what follows its size in a script has followed
    await page.evaluate(
      'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(null))))',
    );
    shownLast.set(page, index);
    await check(look);
  }
}

/** Nothing is wider than the screen. */
export async function requireFit(page: Page, name: string): Promise<void> {
  await shot(page, name, 'ALL_SCREENSHOTS');
  const [content, screen] = await page.evaluate<[number, number]>(
    '[document.documentElement.scrollWidth, innerWidth]',
  );
  expect(content, `width of ${name}`).toBeLessThanOrEqual(screen);
}
