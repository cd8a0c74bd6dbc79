import type { Addon } from './addon.js';

// TensorFlow 2.21 announces oneDNN while the library is being loaded, before it reads TF_CPP_MIN_LOG_LEVEL.
const announcement = /All log messages before absl|oneDNN custom operations are on/;

/**
 * Loads a binding without TensorFlow's chatter; anything else that is written to standard error meanwhile is passed on.
 * Whoever sets `TF_CPP_MIN_LOG_LEVEL` sees all that they asked for.
 */
export function quietly(addon: Addon | undefined, load: () => unknown): unknown {
  if (process.env['TF_CPP_MIN_LOG_LEVEL'] !== undefined) return load();
  process.env['TF_CPP_MIN_LOG_LEVEL'] = '2';
  if (addon === undefined) return load();
  addon.hold();
  try {
    return load();
  } finally {
    const lines = addon
      .release()
      .split('\n')
      .filter((line) => line !== '' && !announcement.test(line));
    if (lines.length > 0) process.stderr.write(`${lines.join('\n')}\n`);
  }
}
