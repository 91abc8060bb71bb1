#pragma once

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "vcell/core/abi.hpp"

// How many processors and how much memory Linux's control groups grant, as containers and batch
// systems set it. See cgroups(7) and the kernel's cgroup-v1/cpu.rst (bandwidth control),
// cgroup-v1/memory.rst and cgroup-v2.rst (cpu.max, memory.max).

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The first kilobytes of a file of the kernel's, all that such a file has; empty without one.
inline std::string kernel_file(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "r"),
                                                             std::fclose);
  std::array<char, 8192> text;
  return file ? std::string(text.data(), std::fread(text.data(), 1, text.size(), file.get())) : "";
}

/// The processors that one group grants by itself; 0 when it sets no limit.
/// @param folder  of the group, by version 1 or 2
inline double group_quota(const std::string& folder) {
  std::string text = kernel_file(folder + "/cpu.max");  // "200000 100000", "max 100000"
  if (text.empty())
    text = kernel_file(folder + "/cpu.cfs_quota_us") + ' ' +
           kernel_file(folder + "/cpu.cfs_period_us");
  char* rest = nullptr;
  const double quota = std::strtod(text.c_str(), &rest), period = std::strtod(rest, nullptr);
  return quota > 0 && period > 0 ? quota / period : 0;
}

/// The bytes of memory that one group grants by itself; 0 when it sets no limit.
inline double group_memory(const std::string& folder) {
  std::string text = kernel_file(folder + "/memory.max");  // "1073741824", "max"
  if (text.empty()) text = kernel_file(folder + "/memory.limit_in_bytes");
  return std::max(0.0, std::strtod(text.c_str(), nullptr));
}

/// The lesser of two limits, of which 0 is none.
inline double lesser(double a, double b) { return a > 0 && b > 0 ? std::min(a, b) : a + b; }

/// The least that a group and those around it grant, up to the root of its tree; 0 for no limit.
/// @param tree   where the tree is mounted
/// @param group  from the root of the tree, "/a/b"; one that lies outside of what a container sees
///               is not there, and the mounted root is then the container's own group
/// @param grant  of one group, by its folder
inline double tree_grant(const std::string& tree, std::string_view group,
                         double (*grant)(const std::string&)) {
  if (group.find("/..") != group.npos) group = "";
  double least = 0;
  for (;; group = group.substr(0, group.rfind('/'))) {
    while (group.ends_with('/')) group.remove_suffix(1);
    least = lesser(least, grant(tree + std::string(group)));
    if (group.empty()) return least;
  }
}

/// The least that the control groups of this process grant of what a controller shares out; 0 for
/// no limit.
/// @param controller  "cpu" or "memory"
/// @param root        where control groups are mounted
/// @param self        the file that names the groups of this process, a line
///                    "number:controllers:group" for every tree
inline double cgroup_grant(const std::string& controller, double (*grant)(const std::string&),
                           const std::string& root, const std::string& self) {
  double least = 0;
  const std::string text = kernel_file(self);
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string controllers(line.substr(first + 1, second - first - 1));
    const std::string_view group = line.substr(second + 1);
    const auto look = [&](const std::string& tree) {
      least = lesser(least, tree_grant(tree, group, grant));
    };
    if (controllers.empty()) {  // version 2, alone or beside trees of version 1
      look(root);
      look(root + "/unified");
    } else if ((',' + controllers + ',').find(',' + controller + ',') != std::string::npos) {
      look(root + '/' + controllers);
      if (controllers != controller) look(root + '/' + controller);
    }
  }
  return least;
}

/// Whole processors that the control groups of this process grant, at least 1; 0 for no limit.
inline int cgroup_threads(const std::string& root = "/sys/fs/cgroup",
                          const std::string& self = "/proc/self/cgroup") {
  const double least = cgroup_grant("cpu", group_quota, root, self);
  return least > 0 ? std::max(1, int(std::min(least, 1e6))) : 0;
}

/// Bytes of memory that they grant; 0 for no limit.
inline double cgroup_memory(const std::string& root = "/sys/fs/cgroup",
                            const std::string& self = "/proc/self/cgroup") {
  return cgroup_grant("memory", group_memory, root, self);
}

}  // namespace detail
VCELL_END_NAMESPACE
