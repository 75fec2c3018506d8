#include "sampling/grammar/compiled_grammar.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "base/error.h"
#include "sampling/grammar/machine_builder.h"

namespace dure::grammar {
namespace {

constexpr int kFar = std::numeric_limits<int>::max() / 2;

/// Links automata. Each method needs the ones before it.
class Linker {
 public:
  Linker(std::vector<LooseMachine> machines, const MachineBuilder& builder)
      : machines_(std::move(machines)), builder_(builder), productive_(machines_.size()) {}

  void remove_useless();
  void split_starts();
  std::vector<int> ranks() const;
  bool productive(int machine) const { return productive_[size_t(machine)]; }
  CompiledGrammar link() const;

 private:
  using State = ByteDfa::State;
  std::vector<bool> finishing(const LooseMachine& m) const;
  /// `dead`: machines that are known not to be.
  void find_productive(const std::vector<bool>& dead);
  void trim(LooseMachine& m) const;
  bool is_usable(const Jump& j) const { return j.kind != Jump::Kind::call || productive_[size_t(j.id)]; }
  static bool has_cycle(const LooseMachine& m);
  static std::vector<int> needed(const LooseMachine& m);
  static std::string content(const LooseMachine& m);

  std::vector<LooseMachine> machines_;
  const MachineBuilder& builder_;
  std::vector<bool> productive_;  ///< some string other than the empty one is read by it
};

/// The states from which the end can be reached by way of productive machines.
std::vector<bool> Linker::finishing(const LooseMachine& m) const {
  const auto& states = m.dfa.states;
  std::vector<std::vector<int>> sources(states.size());
  std::vector<bool> out(states.size());
  std::vector<int> queue;
  for (size_t i = 0; i < states.size(); ++i) {
    for (const auto& e : states[i].edges) sources[size_t(e.target)].push_back(int(i));
    for (const Jump& j : states[i].jumps)
      if (is_usable(j)) sources[size_t(j.target)].push_back(int(i));
    if (!states[i].accepting) continue;
    out[i] = true;
    queue.push_back(int(i));
  }
  for (size_t i = 0; i < queue.size(); ++i)
    for (const int source : sources[size_t(queue[i])])
      if (!out[size_t(source)]) {
        out[size_t(source)] = true;
        queue.push_back(source);
      }
  return out;
}

void Linker::find_productive(const std::vector<bool>& dead) {
  productive_.assign(machines_.size(), false);
  for (bool changed = true; changed;) {
    changed = false;
    builder_.check(0);
    for (size_t i = 0; i < machines_.size(); ++i) {
      if (productive_[i] || dead[i]) continue;
      const std::vector<bool> good = finishing(machines_[i]);
      const State& start = machines_[i].dfa.states[0];
      const auto leads = [&](const auto& step) { return good[size_t(step.target)]; };
      productive_[i] =
          std::any_of(start.edges.begin(), start.edges.end(), leads) ||
          std::any_of(start.jumps.begin(), start.jumps.end(), [&](const Jump& j) { return is_usable(j) && leads(j); });
      changed |= productive_[i];
    }
  }
}

void Linker::trim(LooseMachine& m) const {
  const std::vector<bool> good = finishing(m);
  std::vector<int> number(m.dfa.states.size(), -1), order{0};
  number[0] = 0;
  const auto keep = [&](auto& steps) {
    std::erase_if(steps, [&](const auto& s) { return !good[size_t(s.target)]; });
    for (auto& s : steps) {
      if (number[size_t(s.target)] < 0) {
        number[size_t(s.target)] = int(order.size());
        order.push_back(s.target);
      }
      s.target = number[size_t(s.target)];
    }
  };
  ByteDfa kept;
  for (size_t k = 0; k < order.size(); ++k) {
    State state = m.dfa.states[size_t(order[k])];
    std::erase_if(state.jumps, [&](const Jump& j) { return !is_usable(j); });
    keep(state.edges);
    keep(state.jumps);
    kept.states.push_back(std::move(state));
  }
  m.dfa = std::move(kept);
}

void Linker::remove_useless() {
  std::vector<bool> dead(machines_.size());
  for (bool changed = true; changed;) {
    changed = false;
    find_productive(dead);
    for (size_t i = 0; i < machines_.size(); ++i) {
      if (!productive_[i]) continue;
      trim(machines_[i]);
      // A counter that lost its loop counts to one, and its minimum cannot be reached.
      dead[i] = machines_[i].min > 1 && !has_cycle(machines_[i]);
      changed |= dead[i];
    }
  }
  for (size_t i = 0; i < machines_.size(); ++i)
    if (!productive_[i]) machines_[i].dfa.states.assign(1, State{});
}

bool Linker::has_cycle(const LooseMachine& m) {
  // Every cycle of a counter counts; depth first, without recursion.
  const auto& states = m.dfa.states;
  std::vector<int> mark(states.size());  // 1: under way, 2: done
  std::vector<std::pair<int, size_t>> stack{{0, 0}};
  mark[0] = 1;
  while (!stack.empty()) {
    auto& [state, next] = stack.back();
    const State& s = states[size_t(state)];
    if (next == s.edges.size() + s.jumps.size()) {
      mark[size_t(state)] = 2;
      stack.pop_back();
      continue;
    }
    const int target = next < s.edges.size() ? s.edges[next].target : s.jumps[next - s.edges.size()].target;
    ++next;
    if (mark[size_t(target)] == 1) return true;
    if (mark[size_t(target)] == 2) continue;
    mark[size_t(target)] = 1;
    stack.emplace_back(target, 0);
  }
  return false;
}

void Linker::split_starts() {
  // A call is never answered by the empty string: callers have a way around it.
  for (LooseMachine& m : machines_) {
    auto& states = m.dfa.states;
    if (!states[0].accepting) continue;
    const bool entered = std::any_of(states.begin(), states.end(), [](const State& s) {
      const auto to_start = [](const auto& step) { return step.target == 0; };
      return std::any_of(s.edges.begin(), s.edges.end(), to_start) ||
             std::any_of(s.jumps.begin(), s.jumps.end(), to_start);
    });
    if (entered) {
      const int copy = int(states.size());
      states.push_back(states[0]);
      for (State& s : states) {
        for (auto& e : s.edges)
          if (e.target == 0) e.target = copy;
        for (auto& j : s.jumps)
          if (j.target == 0) j.target = copy;
      }
    }
    states[0].accepting = false;
  }
}

std::vector<int> Linker::ranks() const {
  // Who is called before a byte is read, directly or behind members that are left out.
  const size_t n = machines_.size();
  std::vector<std::vector<int>> calls(n);
  std::vector<int> callers(n), rank(n), queue;
  for (size_t i = 0; i < n; ++i) {
    if (!productive_[i]) continue;
    const auto& states = machines_[i].dfa.states;
    std::vector<int> at{0};
    std::vector<bool> seen(states.size());
    seen[0] = true;
    for (size_t k = 0; k < at.size(); ++k)
      for (const Jump& j : states[size_t(at[k])].jumps) {
        if (j.kind == Jump::Kind::call) calls[i].push_back(j.id);
        if (j.kind != Jump::Kind::skip || seen[size_t(j.target)]) continue;
        seen[size_t(j.target)] = true;
        at.push_back(j.target);
      }
    std::sort(calls[i].begin(), calls[i].end());
    calls[i].erase(std::unique(calls[i].begin(), calls[i].end()), calls[i].end());
    for (const int c : calls[i]) ++callers[size_t(c)];
  }
  for (size_t i = 0; i < n; ++i)
    if (callers[i] == 0) queue.push_back(int(i));
  for (size_t k = 0; k < queue.size(); ++k)
    for (const int c : calls[size_t(queue[k])]) {
      rank[size_t(c)] = std::max(rank[size_t(c)], rank[size_t(queue[k])] + 1);
      if (--callers[size_t(c)] == 0) queue.push_back(c);
    }
  require(queue.size() == n, "grammar: a rule may begin with itself (left recursion), which is not supported");
  return rank;
}

std::vector<int> Linker::needed(const LooseMachine& m) {
  // Steps cost 1 if they are counted, else 0 (0-1 breadth first, from the end).
  const auto& states = m.dfa.states;
  std::vector<std::vector<std::pair<int, bool>>> sources(states.size());
  std::vector<int> out(states.size(), kFar);
  if (m.min == 0 && m.max == kUnbounded) return std::vector<int>(states.size(), 0);
  for (size_t i = 0; i < states.size(); ++i) {
    for (const auto& e : states[i].edges) sources[size_t(e.target)].emplace_back(int(i), e.counted);
    for (const Jump& j : states[i].jumps) sources[size_t(j.target)].emplace_back(int(i), j.counted);
  }
  std::vector<int> now, later;
  for (size_t i = 0; i < states.size(); ++i)
    if (states[i].accepting) now.push_back(int(i));
  for (int cost = 0; !now.empty(); ++cost, now = std::exchange(later, {}))
    for (size_t k = 0; k < now.size(); ++k) {
      const int state = now[k];
      if (out[size_t(state)] < cost || (out[size_t(state)] == cost)) continue;
      out[size_t(state)] = cost;
      for (const auto& [source, counted] : sources[size_t(state)]) {
        if (out[size_t(source)] <= cost + int(counted)) continue;
        (counted ? later : now).push_back(source);
      }
    }
  return out;
}

std::string Linker::content(const LooseMachine& m) {
  std::string out;
  const auto put = [&](int value) { out.append(reinterpret_cast<const char*>(&value), sizeof value); };
  put(m.min > 0 || m.max != kUnbounded);
  for (const State& s : m.dfa.states) {
    put(s.accepting ? -1 : -2);
    for (const auto& e : s.edges) {
      put(e.first << 16 | e.last << 8 | int(e.counted));
      put(e.target);
    }
  }
  return out;
}

CompiledGrammar Linker::link() const {
  CompiledGrammar g;
  const std::vector<int> rank = ranks();
  std::vector<int> base;  // of each machine's states
  int next = 0;
  for (const LooseMachine& m : machines_) {
    base.push_back(next);
    next += int(m.dfa.states.size());
  }
  g.states.reserve(size_t(next) + 1);
  for (size_t i = 0; i < machines_.size(); ++i) {
    const LooseMachine& m = machines_[i];
    const auto& states = m.dfa.states;
    CompiledGrammar::Machine machine;
    machine.start = base[i];
    machine.min = m.min;
    machine.max = m.max;
    machine.rank = rank[i];
    const std::vector<int> need = needed(m);
    machine.most_needed = *std::max_element(need.begin(), need.end());
    machine.table = g.table.size();

    // Bytes between two neighbouring borders of edges are alike everywhere.
    std::bitset<257> borders;
    for (const State& s : states)
      for (const auto& e : s.edges) borders.set(e.first), borders.set(size_t(e.last) + 1);
    for (int b = 0, c = 0; b < 256; ++b) {
      if (b > 0 && borders[size_t(b)]) ++c;
      machine.byte_class[b] = uint8_t(c);
      machine.byte_classes = c + 1;
    }
    for (size_t k = 0; k < states.size(); ++k) {
      const State& s = states[k];
      CompiledGrammar::State state{
          int(i),      int(k), CompiledGrammar::kNowhere, int(g.calls.size()), int(g.tokens.size()), need[k],
          s.accepting, false};
      for (const Jump& j : s.jumps) {
        const int target = base[i] + j.target;
        if (j.kind == Jump::Kind::call) g.calls.push_back({j.id, target, j.counted});
        if (j.kind == Jump::Kind::token) g.tokens.push_back({j.id, target, j.counted});
        if (j.kind == Jump::Kind::skip) state.skip = target;
      }
      machine.leaf &= s.jumps.empty();
      state.tail = s.accepting && s.jumps.empty() && s.edges.empty() && !machine.counts();
      g.states.push_back(state);
      const size_t row = g.table.size();
      g.table.resize(row + size_t(machine.byte_classes), CompiledGrammar::kNowhere);
      for (const auto& e : s.edges)
        for (int c = machine.byte_class[e.first]; c <= machine.byte_class[e.last]; ++c)
          g.table[row + size_t(c)] = (base[i] + e.target) << 1 | int(e.counted);
    }
    if (machine.leaf) machine.content = content(m);
    g.machines.push_back(std::move(machine));
    builder_.check(0);
  }
  g.states.push_back({-1, 0, CompiledGrammar::kNowhere, int(g.calls.size()), int(g.tokens.size()), 0, false, false});
  return g;
}

/// Which bytes may come behind each machine: a superset, as who called it is not looked at.
void find_follow(CompiledGrammar& g, const MachineBuilder& builder) {
  const size_t n = g.states.size() - 1;
  std::vector<std::bitset<256>> first(n);  // bytes that may be read from a state on, returns included
  for (size_t i = 0; i < n; ++i)
    for (int b = 0; b < 256; ++b)
      if (g.step(int(i), uint8_t(b)).target >= 0) first[i].set(size_t(b));
  for (bool changed = true; changed;) {
    changed = false;
    builder.check(0);
    for (size_t i = n; i-- > 0;) {
      const CompiledGrammar::State& s = g.states[i];
      std::bitset<256> now = first[i];
      if (s.skip >= 0) now |= first[size_t(s.skip)];
      if (s.accepting) now |= g.machines[size_t(s.machine)].follow;
      for (int c = s.calls; c < g.states[i + 1].calls; ++c) {
        const CompiledGrammar::Call& call = g.calls[size_t(c)];
        CompiledGrammar::Machine& callee = g.machines[size_t(call.machine)];
        now |= first[size_t(callee.start)];
        const auto follow = callee.follow | first[size_t(call.target)];
        changed |= follow != callee.follow;
        callee.follow = follow;
      }
      changed |= now != first[i];
      first[i] = now;
    }
  }
}

}  // namespace

std::shared_ptr<const CompiledGrammar> compile(const RulePtr& rule, const GrammarLimits& limits) {
  MachineBuilder builder(rule, limits);
  Linker linker(builder.build(), builder);
  linker.remove_useless();
  require(linker.productive(0) || builder.root_is_nullable(), "grammar: nothing matches it");
  linker.split_starts();
  auto grammar = std::make_shared<CompiledGrammar>(linker.link());
  grammar->accepts_nothing = builder.root_is_nullable();
  find_follow(*grammar, builder);
  return grammar;
}

}  // namespace dure::grammar
