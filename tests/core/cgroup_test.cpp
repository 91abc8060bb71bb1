#include "vcell/core/cgroup.hpp"

#include <fstream>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/core/machine_memory.hpp"

using vcell::detail::cgroup_memory;
using vcell::detail::cgroup_threads;

namespace {

/// A tree of control groups as the kernel shows it.
struct Tree {
  vcell_test::TemporaryFolder folder{"cgroup"};

  void file(const std::string& name, const std::string& text) const {
    const auto path = folder.path() / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  int threads(const std::string& self) const {
    file("self", self);
    return cgroup_threads(folder / "root", folder / "self");
  }
  double memory(const std::string& self) const {
    file("self", self);
    return cgroup_memory(folder / "root", folder / "self");
  }
};

}  // namespace

TEST_CASE("cgroup: without groups there is no limit", "[core]") {
  const Tree tree;
  CHECK(tree.threads("") == 0);
  CHECK(tree.threads("0::/\n") == 0);
  CHECK(tree.threads("nonsense\n\n:\n") == 0);
  CHECK(cgroup_threads(tree.folder / "root", tree.folder / "missing") == 0);
}

TEST_CASE("cgroup: version 2, the root as a container sees it", "[core]") {
  const Tree tree;
  tree.file("root/cpu.max", "300000 100000\n");
  CHECK(tree.threads("0::/\n") == 3);
  CHECK(tree.threads("0::/outside/of/the/container\n") == 3);
  tree.file("outside/cpu.max", "100000 100000\n");
  CHECK(tree.threads("0::/../outside\n") == 3);
  tree.file("root/cpu.max", "max 100000\n");
  CHECK(tree.threads("0::/\n") == 0);
  tree.file("root/cpu.max", "50000 100000\n");
  CHECK(tree.threads("0::/\n") == 1);  // half a processor still runs one thread
  tree.file("root/cpu.max", "290000 100000\n");
  CHECK(tree.threads("0::/\n") == 2);
  tree.file("root/cpu.max", "nonsense\n");
  CHECK(tree.threads("0::/\n") == 0);
}

TEST_CASE("cgroup: version 2, the least of the groups on the way to the root", "[core]") {
  const Tree tree;
  tree.file("root/a/cpu.max", "400000 100000\n");
  tree.file("root/a/b/cpu.max", "max 100000\n");
  tree.file("root/a/b/c/cpu.max", "600000 100000\n");
  CHECK(tree.threads("0::/a/b/c\n") == 4);
  CHECK(tree.threads("0::/a/b\n") == 4);
  CHECK(tree.threads("0::/a/b/c") == 4);
  CHECK(tree.threads("0::/\n") == 0);
  CHECK(tree.threads("0::/other\n") == 0);
  tree.file("root/a/b/c/cpu.max", "100000 50000\n");
  CHECK(tree.threads("0::/a/b/c\n") == 2);
}

TEST_CASE("cgroup: version 1", "[core]") {
  const Tree tree;
  const auto group = [&](const std::string& name, const char* quota) {
    tree.file("root/" + name + "/cpu.cfs_quota_us", std::string(quota) + '\n');
    tree.file("root/" + name + "/cpu.cfs_period_us", "100000\n");
  };
  const std::string others = "12:cpuset:/\n7:memory:/batch/7\n1:name=systemd:/batch/7\n0::/\n";
  group("cpu", "-1");
  CHECK(tree.threads("3:cpu:/\n" + others) == 0);
  group("cpu/batch", "500000");
  group("cpu/batch/7", "-1");
  CHECK(tree.threads("3:cpu:/batch/7\n" + others) == 5);
  CHECK(tree.threads(others + "3:cpu,cpuacct:/batch/7\n") == 5);  // cpu is a link to it
  group("cpuacct,cpu/batch/7", "200000");
  CHECK(tree.threads("3:cpuacct,cpu:/batch/7\n" + others) == 2);
  // Only the controller itself: the groups of others are not limits of processors.
  CHECK(tree.threads("4:cpuset:/batch/7\n5:cpuacct:/batch/7\n") == 0);
}

TEST_CASE("cgroup: both versions side by side", "[core]") {
  const Tree tree;
  tree.file("root/unified/a/cpu.max", "300000 100000\n");
  CHECK(tree.threads("0::/a\n") == 3);
  tree.file("root/cpu/cpu.cfs_quota_us", "200000\n");
  tree.file("root/cpu/cpu.cfs_period_us", "100000\n");
  CHECK(tree.threads("1:cpu:/a\n0::/a\n") == 2);
}

TEST_CASE("cgroup: memory, in both versions", "[core]") {
  const Tree tree;
  CHECK(tree.memory("0::/\n") == 0);
  tree.file("root/memory.max", "max\n");
  CHECK(tree.memory("0::/a\n") == 0);
  tree.file("root/a/memory.max", "1073741824\n");
  CHECK(tree.memory("0::/a\n") == 1073741824.0);
  CHECK(tree.memory("0::/\n") == 0);
  tree.file("root/memory.max", "4096\n");
  CHECK(tree.memory("0::/a\n") == 4096);
  tree.file("root/memory/job/memory.limit_in_bytes", "2048\n");
  CHECK(tree.memory("4:memory:/job\n0::/\n") == 2048);
  CHECK(tree.memory("4:cpu:/job\n") == 0);
  CHECK(vcell::detail::machine_memory() >= double(1 << 20));
}
