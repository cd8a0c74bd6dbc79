/**
 * The parts that need Node.js, loaded by `useBackend` and `installNative` when they run there. This is a file of its
 * own in the build, so that the package can tell bundlers for browsers to leave it out.
 */
export { cpuFeatures, install, openNative } from './native/index.js';
