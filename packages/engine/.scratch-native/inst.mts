import { useBackend, installNative, describeBackend } from '/work/main/packages/engine/src/backend/index.ts';
const t=performance.now();
const info=await useBackend(undefined);
console.log(JSON.stringify(info), performance.now()-t);
