import { nextTick, onBeforeUnmount, onMounted, ref, watch, type Ref } from 'vue'

/** Entries the bar never folds away. */
const LEAST = 3

/**
 * How many of `count` entries fit into a bar before it would be wider than its room.
 * All are tried, then one less at a time, before anything is painted.
 */
export function useFold(bar: Ref<HTMLElement | null>, count: () => number, again: () => unknown): Ref<number> {
  const fitting = ref(count())
  let turn = 0
  async function fold(): Promise<void> {
    const mine = ++turn
    fitting.value = count()
    await nextTick()
    const element = bar.value
    while (element && mine === turn && element.scrollWidth > element.clientWidth + 1 && fitting.value > LEAST) {
      fitting.value -= 1
      await nextTick()
    }
  }
  const observer = new ResizeObserver(() => void fold())
  onMounted(() => {
    if (bar.value) observer.observe(bar.value)
    // What stands at the right end comes and grows later than the bar.
    if (bar.value?.lastElementChild) observer.observe(bar.value.lastElementChild)
    // Widths are known for certain once the bar's own letters are there.
    void document.fonts?.ready.then(() => fold())
  })
  onBeforeUnmount(() => {
    turn += 1
    observer.disconnect()
  })
  watch([count, again], () => void fold())
  return fitting
}
