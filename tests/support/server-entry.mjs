// Stands for dist/server/main.js, with the waiting times that a test gives: `start.sh server-entry.mjs TIMINGS` has node run
// this file with the timings as JSON and, behind them, the path of the main.js that it stands for.
const [timings, main] = process.argv.slice(2);
const { serve } = await import(new URL('serve.js', `file://${main}`).href);
await serve(JSON.parse(timings));
