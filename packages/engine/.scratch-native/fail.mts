import { useBackend, describeBackend } from '../src/backend/index.ts';
const t = performance.now();
try { console.log(describeBackend(await useBackend())); } catch (e) { console.log('THROWN', (e as Error).message); }
console.log('ms', Math.round(performance.now() - t));
