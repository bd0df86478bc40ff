// Replaces dist/server/main.js, with a test's timings: `start.sh server-entry.mjs TIMINGS` makes node run this
// file with the timings as JSON, followed by the path of the main.js that it replaces.
const [timings, main] = process.argv.slice(2);
// a test that timed out leaves its servers: they end with the test process, which holds the other end of stdin
process.stdin.resume().once('close', () => process.kill(process.pid, 'SIGKILL'));
const { serve } = await import(new URL('serve.js', `file://${main}`).href);
await serve(JSON.parse(timings));
