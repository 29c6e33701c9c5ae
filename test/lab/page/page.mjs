// The status page in a real browser: Debian's Chromium, headless. Shows that nothing is loaded from elsewhere, that the
// policy lets our script run and no other, that the page lives, works by keyboard and without JavaScript, and leaves
// screenshots (light, dark, phone) in the folder given as the first argument.
// usage: node test/lab/page/page.mjs [FOLDER]

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const folder = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'igd2pcp-page-'));
mkdirSync(folder, { recursive: true });
const server = await startServer();
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});

const checks = {
  'shows health, mappings and history, and asks nobody else for anything': async () => {
    const { page, foreign, complaints } = await visit('/');
    assert.match(await page.textContent('#health'), /1 port is open under another number/);
    assert.match(await page.textContent('#mappings'), /desk-pc/);
    assert.equal(await page.locator('#events li').count(), 5);
    assert.equal((await page.locator('svg .curve').count()) >= 2, true);
    assert.deepEqual(foreign, []);
    assert.deepEqual(complaints, []);
    await page.screenshot({ path: join(folder, 'light.png'), fullPage: true });
    await page.close();
  },
  'is readable in the dark and on a phone, without scrolling sideways': async () => {
    const dark = await visit('/', { colorScheme: 'dark' });
    await dark.page.screenshot({ path: join(folder, 'dark.png'), fullPage: true });
    await dark.page.close();
    for (const [name, path] of [
      ['phone', '/'],
      ['phone-lan', '/presentation'],
    ]) {
      const phone = await visit(path, {
        viewport: { width: 360, height: 740 },
        colorScheme: name === 'phone' ? 'light' : 'dark',
      });
      const overflow = await phone.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.equal(overflow <= 0, true, `${name} scrolls sideways by ${overflow}`);
      await phone.page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
      await phone.page.close();
    }
  },
  'shows within seconds, by itself, that the carrier is gone, and keeps the focus where it was': async () => {
    const { page } = await visit('/');
    await page.locator('footer a').first().focus();
    server.tell('silent');
    await page.waitForFunction(
      () => /has not answered/.test(document.getElementById('health').textContent),
      undefined,
      { timeout: 5000 },
    );
    assert.equal(await page.locator('#health.bad').count(), 1);
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'status');
    await page.screenshot({ path: join(folder, 'carrier-gone.png'), fullPage: true });
    server.tell('well');
    await page.waitForFunction(() => /All is well/.test(document.getElementById('health').textContent), undefined, {
      timeout: 5000,
    });
    await page.close();
  },
  'signs in and closes a port by keyboard alone': async () => {
    const { page } = await visit('/');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'token');
    await page.keyboard.type('let-me-in');
    await page.keyboard.press('Enter');
    await page.waitForSelector('button.danger');
    await page.screenshot({ path: join(folder, 'signed-in.png'), fullPage: true });
    page.once('dialog', (dialog) => {
      assert.match(dialog.message(), /Close TCP 6881 of desk-pc\?/);
      dialog.accept();
    });
    await page.focus('#close-TCP-6881-');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[role=alert]:has-text("TCP 6881 is closed.")');
    assert.match(await page.textContent('#mappings'), /No port is open/);
    server.tell('well');
    await page.close();
  },
  'works without JavaScript': async () => {
    const { page } = await visit('/', { javaScriptEnabled: false });
    await page.fill('#token', 'let-me-in');
    await page.click('button');
    await page.click('#close-TCP-6881-');
    assert.match(await page.textContent('main'), /TCP 6881 is closed/);
    server.tell('well');
    await page.close();
  },
  'runs no script but its own': async () => {
    const { page } = await visit('/');
    const ran = await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.injected = true';
      document.body.append(script);
      return window.injected === true;
    });
    assert.equal(ran, false);
    await page.close();
  },
  'stays quick with 200 mappings': async () => {
    server.tell('many');
    const { page } = await visit('/');
    await page.waitForFunction(() => document.querySelectorAll('#mappings tbody tr').length === 200);
    server.tell('well');
    await page.close();
  },
  'says when the daemon is gone': async () => {
    const { page } = await visit('/');
    assert.equal(await page.isVisible('#offline'), false);
    server.tell('stop');
    await page.waitForSelector('#offline', { state: 'visible', timeout: 10_000 });
    await page.close();
  },
};

let failures = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok   ${name}`);
  } catch (error) {
    failures += 1;
    console.log(`FAIL ${name}\n${error.stack}`);
  }
}
await browser.close();
server.process.kill();
console.log(`screenshots: ${folder}`);
process.exitCode = failures === 0 ? 0 : 1;

async function visit(path, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 800 }, ...options });
  const page = await context.newPage();
  const foreign = [];
  const complaints = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(server.url) && !request.url().startsWith('data:')) foreign.push(request.url());
  });
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(server.url + path);
  return { page, foreign, complaints };
}

async function startServer() {
  const bundle = join(folder, 'page-server.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('page-server.ts', import.meta.url))],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'warning',
  });
  const child = spawn(process.execPath, [bundle], { stdio: ['pipe', 'pipe', 'inherit'] });
  const url = await new Promise((resolve, reject) => {
    child.stdout.once('data', (text) => resolve(String(text).trim()));
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
  });
  return { url, process: child, tell: (word) => child.stdin.write(`${word}\n`) };
}
