import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A tiny addon that keeps back what is written to standard error, because Node.js cannot redirect it. */
export const quietSource = `
#include <node_api.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <string>

static int saved = -1, held = -1;

static napi_value Hold(napi_env env, napi_callback_info) {
  held = memfd_create("stderr", MFD_CLOEXEC);
  saved = held < 0 ? -1 : dup(STDERR_FILENO);
  if (saved >= 0) dup2(held, STDERR_FILENO);
  return nullptr;
}

static napi_value Release(napi_env env, napi_callback_info) {
  std::string text;
  if (saved >= 0) {
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    char buffer[4096];
    lseek(held, 0, SEEK_SET);
    for (ssize_t n; (n = read(held, buffer, sizeof buffer)) > 0;) text.append(buffer, n);
    close(held);
  }
  saved = held = -1;
  napi_value result;
  napi_create_string_utf8(env, text.data(), text.size(), &result);
  return result;
}

static napi_value Init(napi_env env, napi_value exports) {
  napi_value hold, release;
  napi_create_function(env, "hold", NAPI_AUTO_LENGTH, Hold, nullptr, &hold);
  napi_create_function(env, "release", NAPI_AUTO_LENGTH, Release, nullptr, &release);
  napi_set_named_property(env, exports, "hold", hold);
  napi_set_named_property(env, exports, "release", release);
  return exports;
}

NAPI_MODULE(quiet, Init)
`;

/** Where the addon lies: beside the binding that it was built with. */
export const quietAddon = (binding: string): string => join(dirname(binding), 'quiet.node');

interface Quiet {
  hold(): void;
  release(): string;
}

// TensorFlow 2.21 announces oneDNN while the library is being loaded, before it reads TF_CPP_MIN_LOG_LEVEL.
const announcement = /All log messages before absl|oneDNN custom operations are on/;

/**
 * Loads a binding without TensorFlow's chatter; anything else that is written to standard error meanwhile is passed on.
 * Whoever sets `TF_CPP_MIN_LOG_LEVEL` sees all that they asked for.
 */
export function quietly(require: NodeJS.Require, binding: string): unknown {
  if (process.env['TF_CPP_MIN_LOG_LEVEL'] !== undefined) return require(binding);
  process.env['TF_CPP_MIN_LOG_LEVEL'] = '2';
  const addon = quietAddon(binding);
  if (!existsSync(addon)) return require(binding);
  const { hold, release } = require(addon) as Quiet;
  hold();
  try {
    return require(binding);
  } finally {
    const lines = release()
      .split('\n')
      .filter((line) => line !== '' && !announcement.test(line));
    if (lines.length > 0) process.stderr.write(`${lines.join('\n')}\n`);
  }
}
