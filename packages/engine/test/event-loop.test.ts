import { yieldToEventLoop } from '@cfrl/engine';
import { describe, expect, it } from 'vitest';

/** Holds the event loop, as a native call does. */
const work = (milliseconds: number): void => {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
};

describe('yieldToEventLoop', () => {
  it('lets timers fire while work is done in pieces', async () => {
    const gaps: number[] = [];
    let last = performance.now();
    const timer = setInterval(() => {
      gaps.push(performance.now() - last);
      last = performance.now();
    }, 1);
    for (let i = 0; i < 100; i++) {
      work(2);
      await yieldToEventLoop();
    }
    clearInterval(timer);
    // 200 ms of work: a turn every 10 to 12 ms, some lost to a busy machine.
    expect(gaps.length).toBeGreaterThan(8);
  });

  it('returns without a turn while the last one is recent', async () => {
    work(11);
    await yieldToEventLoop();
    let turned = false;
    setImmediate(() => (turned = true));
    await yieldToEventLoop();
    expect(turned).toBe(false);
    work(11);
    await yieldToEventLoop();
    expect(turned).toBe(true);
  });

  it('throws the reason of a signal that aborted before, or in its turn', async () => {
    const reason = new Error('stop');
    await expect(yieldToEventLoop(AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    setImmediate(() => controller.abort(reason));
    work(11);
    await expect(yieldToEventLoop(controller.signal)).rejects.toBe(reason);
  });

  it('takes turns where there is no setImmediate, as in a browser', async () => {
    const original = globalThis.setImmediate;
    try {
      Reflect.deleteProperty(globalThis, 'setImmediate');
      let fired = false;
      setTimeout(() => (fired = true), 0);
      for (let i = 0; i < 20 && !fired; i++) {
        work(11);
        await yieldToEventLoop();
      }
      expect(fired).toBe(true);
    } finally {
      globalThis.setImmediate = original;
    }
  });
});
