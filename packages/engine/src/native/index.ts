export { cpuFeatures } from './cpu-features.js';
export { install } from './install.js';
export { openNative } from './open-native.js';
