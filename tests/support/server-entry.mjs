// Stands for dist/server/main.js, with the waiting times that a test gives: `start.sh server-entry.mjs TIMINGS` has node run
// this file with the timings as JSON and, behind them, the path of the main.js that it stands for.
const [timings, main] = process.argv.slice(2);
// a test that timed out leaves its servers: they end with the process that runs the tests, which holds the other end
process.stdin.resume().once('close', () => process.kill(process.pid, 'SIGKILL'));
const { serve } = await import(new URL('serve.js', `file://${main}`).href);
await serve(JSON.parse(timings));
