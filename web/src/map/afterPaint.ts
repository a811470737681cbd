import { watch } from 'vue'

/** Resolves once the page as it stands has been painted; in a hidden tab, which paints nothing, after a second. */
export function afterPaint(): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(resolve, 1000)
    requestAnimationFrame(() =>
      setTimeout(() => {
        clearTimeout(late)
        resolve()
      }),
    )
  })
}

/** Resolves as soon as something reactive holds. */
export function whenTrue(holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const stop = watch(
      holds,
      (yes) => {
        if (!yes) return
        resolve()
        queueMicrotask(() => stop())
      },
      { immediate: true, flush: 'post' },
    )
  })
}
