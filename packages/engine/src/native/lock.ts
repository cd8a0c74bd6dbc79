/**
 * Runs a function while no other process does so in the same folder; a process that was killed lets go after 20 s.
 *
 * @param folder - Must exist.
 * @param onWait - Called once if another process is at work.
 * @throws Error if the other process is at work for more than half an hour.
 */
export async function withLock<T>(
  folder: string,
  onWait: () => void,
  work: () => Promise<T>,
): Promise<T> {
  const { lock } = await import('proper-lockfile');
  const deadline = Date.now() + 30 * 60_000;
  for (let waited = false; ; waited = true) {
    let release: () => Promise<void>;
    try {
      release = await lock(folder, {
        lockfilePath: `${folder}/.lock`,
        stale: 20_000,
        update: 5_000,
        // Without this a lock that was taken over (this process slept) would end the process; the build is renamed
        // into place in one step, so nothing worse than double work comes of it.
        onCompromised: () => undefined,
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
      if (Date.now() > deadline)
        throw new Error(`another process is at work in ${folder}, and does not end`);
      if (!waited) onWait();
      await new Promise((resolve) => setTimeout(resolve, 500));
      continue;
    }
    try {
      return await work();
    } finally {
      await release().catch(() => undefined);
    }
  }
}
