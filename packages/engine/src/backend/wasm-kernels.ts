/** Registers the kernels that the WebAssembly backend lacks. */
export function registerMissingWasmKernels(): void {}
