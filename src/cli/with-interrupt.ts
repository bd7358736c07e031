// How a long command is stopped: Ctrl-C and SIGTERM ask it to end, so that it can remove what it began.

/** Runs `job` with a signal that aborts on SIGINT, SIGTERM and SIGHUP; meanwhile these do not end the process by themselves. */
export async function withInterrupt<T>(job: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  const signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const name of signals) process.on(name, stop);
  try {
    return await job(controller.signal);
  } finally {
    for (const name of signals) process.off(name, stop);
  }
}
