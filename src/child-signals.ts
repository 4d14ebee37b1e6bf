// Imported before anything else by what `startProcess` starts. Ctrl-C and service managers send their signals to the server's processes as well: those
// end when the server lets them go, which may be later (it drains), and never first, as if something had happened to them.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
