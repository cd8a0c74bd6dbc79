/**
 * The parts that need Node.js, loaded by `useBackend` and `installNative` when they run there. This is a file of its
 * own in the build, so that the package can tell bundlers for browsers to leave it out.
 */
export { cpuFeatures } from './native/cpu-features.js';
export { install } from './native/install.js';
export { openNative } from './native/open-native.js';

/** Files and downloads, for the other packages; `@cfrl/engine/node`. */
export type { InstallEvent } from './backend/types.js';
export { cacheFolder, makeCacheFolder } from './files/cache-folder.js';
export { diskErrorMeaning } from './files/disk-error.js';
export { type DownloadOptions, download } from './files/download.js';
export { extract } from './native/extract.js';
export { type FileSpan, copyRoom, copyToTensor, mapTensors } from './native/file-tensors.js';
export { fetchWheel } from './native/fetch-wheel.js';
export { makeFolder } from './files/make-folder.js';
export { withLock } from './files/with-lock.js';
export {
  type Contents,
  publish,
  removeUnfinished,
  writeFolder,
  writeLarge,
  writeText,
} from './files/write.js';
export { type LockAttempt, type LockHolder, takeLock } from './files/process-lock.js';
export { stderrProgress } from './files/progress.js';
export type { WheelRequest } from './native/find-wheel.js';
