// A tiny addon for what a process does with itself and Node.js cannot: it keeps back what is written to standard error,
// bounds the heaps of the C library, and gives memory back to the system. Built beside tfjs-node's binding by build.ts.
#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <node_api.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cstring>
#include <string>

static int saved = -1, held = -1;

static napi_value Hold(napi_env env, napi_callback_info) {
  held = memfd_create("stderr", MFD_CLOEXEC);
  saved = held < 0 ? -1 : dup(STDERR_FILENO);
  if (saved >= 0) dup2(held, STDERR_FILENO);
  return nullptr;
}

static napi_value Release(napi_env env, napi_callback_info) {
  std::string text;
  if (saved >= 0) {
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    char buffer[4096];
    lseek(held, 0, SEEK_SET);
    for (ssize_t n; (n = read(held, buffer, sizeof buffer)) > 0;) text.append(buffer, n);
    close(held);
  }
  saved = held = -1;
  napi_value result;
  napi_create_string_utf8(env, text.data(), text.size(), &result);
  return result;
}

// Every thread that allocates would otherwise have a heap of its own, and keep what a compilation freed in it.
static napi_value LimitHeaps(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  int32_t heaps = 0;
#ifdef M_ARENA_MAX
  if (napi_get_value_int32(env, argument, &heaps) == napi_ok && heaps > 0) mallopt(M_ARENA_MAX, heaps);
#endif
  return nullptr;
}

// Segments of a library that nobody has written to: what is needed of them again is read from the file again.
static int Drop(dl_phdr_info* library, size_t, void*) {
  if (strstr(library->dlpi_name, "libtensorflow") == nullptr) return 0;
  const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  for (int i = 0; i < library->dlpi_phnum; i++) {
    const auto& segment = library->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const uintptr_t first = (library->dlpi_addr + segment.p_vaddr + page - 1) & ~(page - 1);
    const uintptr_t last = (library->dlpi_addr + segment.p_vaddr + segment.p_filesz) & ~(page - 1);
    if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
  }
  return 0;
}

static napi_value GiveBack(napi_env env, napi_callback_info) {
  dl_iterate_phdr(Drop, nullptr);
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return nullptr;
}

static napi_value Init(napi_env env, napi_value exports) {
  const struct { const char* name; napi_callback callback; } functions[] = {
    {"hold", Hold}, {"release", Release}, {"limitHeaps", LimitHeaps}, {"giveBack", GiveBack},
  };
  for (const auto& each : functions) {
    napi_value function;
    napi_create_function(env, each.name, NAPI_AUTO_LENGTH, each.callback, nullptr, &function);
    napi_set_named_property(env, exports, each.name, function);
  }
  return exports;
}

NAPI_MODULE(process, Init)
