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
