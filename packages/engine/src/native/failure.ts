import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { NativeInstall } from '../backend/types.js';
import { cacheFolder } from '../files/cache-folder.js';

const file = (): string => join(cacheFolder(), 'failed.json');

/** For how long a slow failure is not repeated: without a network every start would wait for pip again. */
const quietMs = 3_600_000;
/** Failures that cost less than this are not worth remembering. */
const slowMs = 1_000;

/** Why an installation failed a short while ago, if one did. */
export function recentFailure(): string | undefined {
  try {
    const { reason, time } = JSON.parse(readFileSync(file(), 'utf8')) as Record<string, unknown>;
    const age = Date.now() - Number(time);
    if (!(age >= 0 && age < quietMs)) return undefined;
    return `${String(reason)} (${Math.round(age / 60_000)} minutes ago; installNative() tries again)`;
  } catch {
    return undefined;
  }
}

/** Runs the installer, and notes down a failure that took long. */
export async function rememberingFailure(install: () => Promise<NativeInstall>): Promise<string> {
  const start = Date.now();
  try {
    const { binding } = await install();
    rmSync(file(), { force: true });
    return binding;
  } catch (error) {
    const time = Date.now();
    try {
      const note = JSON.stringify({ reason: (error as Error).message, time });
      if (time - start > slowMs) writeFileSync(file(), note);
    } catch {
      // Then the next start finds out by itself.
    }
    throw error;
  }
}
