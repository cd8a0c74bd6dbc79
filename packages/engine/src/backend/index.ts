export { describeBackend } from './describe.js';
export { installNative, type InstallNativeOptions, type NativeInstall } from './install-native.js';
export type {
  BackendInfo,
  BackendName,
  BackendRoute,
  InstallEvent,
  Rejection,
  UseBackendOptions,
} from './types.js';
export { useBackend } from './use-backend.js';
