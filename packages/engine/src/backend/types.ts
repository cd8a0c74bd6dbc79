/** The backends that {@link useBackend} knows, best first. */
export const backendNames = ['tensorflow-gpu', 'tensorflow', 'wasm', 'cpu'] as const;

/**
 * A backend: native TensorFlow on an NVIDIA GPU, native TensorFlow on the processor, WebAssembly, or
 * plain JavaScript.
 */
export type BackendName = (typeof backendNames)[number];

/**
 * Where a backend comes from: `installed` is a native binding found in `node_modules`, `wheel` one that was built against the
 * library of TensorFlow's wheel, and `package` is code that an npm package ships ready to run.
 */
export type BackendRoute = 'installed' | 'wheel' | 'package';

/** A better backend (or a way to it) that was not available, and why. */
export interface Rejection {
  /** What was tried: a backend, or a way to it such as `tensorflow (wheel)`. */
  readonly name: string;
  /** One line that says what was missing. */
  readonly reason: string;
  /** The command that mends it, where there is one. */
  readonly mend?: string;
}

/** What {@link useBackend} chose. */
export interface BackendInfo {
  /** The chosen backend. */
  readonly name: BackendName;
  /** TensorFlow's own version where it is native (`2.21.0`), else the version of TensorFlow.js. */
  readonly version: string;
  /** File of the native binding, or `null` where there is none. */
  readonly binding: string | null;
  /** Where the backend comes from. */
  readonly route: BackendRoute;
  /** Vector instructions of this processor that speed arithmetic up, e.g. `avx2`, `fma`, `avx512f`. */
  readonly cpuFeatures: readonly string[];
  /** Threads that one operation may use. */
  readonly threads: number;
  /** The better backends that were not available, and why; empty when the best one was chosen or one was asked for. */
  readonly rejected: readonly Rejection[];
}

/** What the installer reports while it works. */
export interface InstallEvent {
  /** `resolve` finds the wheel, `wait` waits for another process that is installing. */
  readonly phase:
    'wait' | 'resolve' | 'download' | 'verify' | 'extract' | 'build' | 'check' | 'done';
  /** One line for people. */
  readonly message: string;
  /** Bytes done, in the phases that count them. */
  readonly bytes?: number;
  /** Bytes in all, where known. */
  readonly totalBytes?: number;
}

/** Options of {@link useBackend}. */
export interface UseBackendOptions {
  /** Whether native TensorFlow may be downloaded and built when it is not there yet (Node.js only). @defaultValue true */
  readonly install?: boolean;
  /** Receives the installer's progress; without it a compact line goes to standard error. */
  readonly onProgress?: (event: InstallEvent) => void;
  /** Whether an installation that failed less than an hour ago is tried again. @defaultValue whether a backend is named */
  readonly retry?: boolean;
  /**
   * Whether to say nothing when a backend slower than native TensorFlow is chosen. Otherwise, in Node.js, one line per process goes to
   * standard error, with the command that mends it; `CFRL_LOG=quiet` hides it too. @defaultValue false
   */
  readonly quiet?: boolean;
}

/** Options of {@link installNative}. */
export interface InstallNativeOptions {
  /** Receives the progress; without it a compact line goes to standard error. */
  readonly onProgress?: (event: InstallEvent) => void;
}

/** A native TensorFlow that was built (or found built) in the user's cache. */
export interface NativeInstall {
  /** File of the binding. */
  readonly binding: string;
  /** TensorFlow's version. */
  readonly version: string;
}

/** A backend that has been loaded and made current. */
export type Opened = Pick<BackendInfo, 'version' | 'binding' | 'route' | 'threads'>;

/** A backend that is not available: every way that was tried, and why it failed. */
export interface Unavailable {
  readonly rejected: readonly Rejection[];
}
