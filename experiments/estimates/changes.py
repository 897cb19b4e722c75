"""What is changed in copies of the problem files: data only, for mutations.py."""

# Problem -> a coefficient and a sign, as the text of the file and what stands there instead; the conditions dropped.
# fmt: off
CHANGES = {
    "advection_30": ("c*u_x -> 1.01*c*u_x", "u_t + c*u_x -> u_t - c*u_x", "initial"),
    "advection_80": ("c*u_x -> 1.01*c*u_x", "u_t + c*u_x -> u_t - c*u_x", "initial"),
    "allen_cahn": ("5*u**3 -> 5.05*u**3", "- eps*u_xx -> + eps*u_xx", "initial"),
    "beam": ("u_tt + u_xxxx -> u_tt + 1.01*u_xxxx", "u_tt + u_xxxx -> u_tt - u_xxxx", "left_moment"),
    "black_scholes": ("v**2/2*s**2*u_ss -> 1.01*v**2/2*s**2*u_ss", "u_ss + r*s*u_s -> u_ss - r*s*u_s", "worthless"),
    "boundary_layer": ("-eps**2*u_xx -> -1.01*eps**2*u_xx", "-eps**2*u_xx -> eps**2*u_xx", "right"),
    "boundary_layer_family": ("-e**2*u_xx -> -1.01*e**2*u_xx", "-e**2*u_xx -> e**2*u_xx", "right"),
    "bratu": ("r: 1  -> r: 1.01 ", "u_xx + r*exp(u) -> u_xx - r*exp(u)", "right"),
    "burgers": ("u_t + u*u_x -> u_t + 1.01*u*u_x", "= nu*u_xx -> = -nu*u_xx", "left"),
    "burgers_2d": ("v_t + u*v_x -> v_t + 1.01*u*v_x", "u_t + u*u_x -> u_t - u*u_x", "top_v"),
    "burgers_family": ("u*u_x -> 1.01*u*u_x", "= n*u_xx -> = -n*u_xx", "left"),
    "cahn_hilliard": ("6*u*u_x**2 -> 6.06*u*u_x**2", "- a*u_xxxx -> + a*u_xxxx", "initial"),
    "cavity": ("u*v_x + v*v_y -> u*v_x + 1.01*v*v_y", "v*u_y + p_x -> v*u_y - p_x", "gauge"),
    "cavity_regularized": ("u*v_x + v*v_y -> u*v_x + 1.01*v*v_y", "v*u_y + p_x -> v*u_y - p_x", "gauge"),
    "cavity_stream": ("2*s_xxyy -> 2.2*s_xxyy", "- s_x*(s_xxy -> + s_x*(s_xxy", "v_left"),
    "convection_diffusion": ("+ c*u_x -> + 1.01*c*u_x", "= D*u_xx -> = -D*u_xx", "right"),
    "darcy": ("- pi*c*sin -> - 1.01*pi*c*sin", "- pi*c*cos -> + pi*c*cos", "outflow"),
    "fisher_kpp": ("u*(1 - u) -> 1.01*u*(1 - u)", "= u_xx -> = -u_xx", "right"),
    "fokker_planck": ("k*x*p_x -> 1.01*k*x*p_x", "= k*p + -> = -k*p +", "left"),
    "ginzburg_landau": ("(a*u - b*v) -> (a*u - 1.01*b*v)", "(a*v + b*u) -> (a*v - b*u)", "initial_v"),
    "gray_scott": ("f*(1 - u) -> 1.01*f*(1 - u)", "- k*v -> + k*v", "initial_v"),
    "ground_state": ("-u_xx/2 -> -1.01*u_xx/2", "+ x**2/2*u -> - x**2/2*u", "norm"),
    "heat": ("u_t = k*u_xx -> u_t = 1.01*k*u_xx", "u_t = k*u_xx -> u_t = -k*u_xx", "right"),
    "heat_2d": ("u_xx + u_yy -> u_xx + 1.01*u_yy", "u_xx + u_yy -> u_xx - u_yy", "top"),
    "helmholtz": ("k**2*u = -> 1.5*k**2*u =", "u_yy + k**2*u -> u_yy - k**2*u", "top"),
    "kdv": ("u*u_x + -> 1.01*u*u_x +", "+ u*u_x -> - u*u_x", "initial"),
    "kdv_soliton": ("6*u*u_x -> 6.06*u*u_x", "+ u_xxx -> - u_xxx", "initial"),
    "kdv_two_solitons": ("6*u*u_x -> 6.06*u*u_x", "+ u_xxx -> - u_xxx", "initial"),
    "klein_gordon": ("6*x**3*t -> 6.06*x**3*t", "u_tt - u_xx -> u_tt + u_xx", "rest"),
    "kovasznay": ("u*u_x + v*u_y + p_x -> 1.01*u*u_x + v*u_y + p_x", "u_x + v_y = -> u_x - v_y =", "gauge"),
    "kuramoto_sivashinsky": ("a*u*u_x -> 1.01*a*u*u_x", "+ c*u_xxxx -> - c*u_xxxx", "initial"),
    "kuramoto_sivashinsky_chaotic": ("a*u*u_x -> 1.01*a*u*u_x", "+ c*u_xxxx -> - c*u_xxxx", "initial"),
    "logistic": ("u_t = r*u -> u_t = 1.01*r*u", "u*(1 - u) -> u*(1 + u)", "initial"),
    "lorenz": ("beta: 8/3 -> beta: 2.7", "x*y - beta*z -> x*y + beta*z", "z0"),
    "lotka_volterra": ("c: 3, -> c: 3.03,", "a*x - b*x*y -> a*x + b*x*y", "y0"),
    "maxwell": ("e_t = b_x -> e_t = 1.01*b_x", "b_t = e_x -> b_t = -e_x", "right"),
    "oscillator": ("gamma*v -> 1.01*gamma*v", "= -k*x -> = k*x", "v0"),
    "pendulum": ("-sin(u) -> -1.01*sin(u)", "-sin(u) -> sin(u)", "rate"),
    "plate": ("2*w_xxyy -> 2.02*w_xxyy", "2*w_xxyy + w_yyyy -> 2*w_xxyy - w_yyyy", "top_moment"),
    "poisson": ("u_xx + u_yy -> u_xx + 1.01*u_yy", "u_xx + u_yy -> u_xx - u_yy", "top"),
    "poisson_1d": ("u_xx = -> 1.01*u_xx =", "- 250*pi**2 -> + 250*pi**2", "right"),
    "poisson_5d": ("u_vv + -> 1.01*u_vv +", "u_yy + u_zz -> u_yy - u_zz", "z1"),
    "poisson_neumann": ("u_xx + u_yy -> u_xx + 1.01*u_yy", "u_xx + u_yy -> u_xx - u_yy", "gauge"),
    "reaction": ("rho*u*(1 - u) -> 1.01*rho*u*(1 - u)", "rho*u*(1 - u) -> rho*u*(1 + u)", "initial"),
    "robertson": ("c: 1e4 -> c: 1.01e4", "- c*y*z -> + c*y*z", "z0"),
    "robin": ("u_x + h*u -> u_x + 1.01*h*u", "u_x + h*u -> u_x - h*u", "top"),
    "schroedinger": ("0.5*v_xx -> 0.505*v_xx", "u_t + 0.5*v_xx -> u_t - 0.5*v_xx", "initial_v"),
    "schroedinger_solitons": ("0.5*v_xx -> 0.505*v_xx", "u_t + 0.5*v_xx -> u_t - 0.5*v_xx", "left_v"),
    "schroedinger_well": ("v_t = 0.5*u_xx -> v_t = 0.505*u_xx", "0.5*u_xx - 0.5*x -> 0.5*u_xx + 0.5*x", "right_v"),
    "shallow_water": ("g*h_x -> 1.01*g*h_x", "+ u*h_x -> - u*h_x", "initial_u"),
    "sine_gordon": ("+ sin(u) -> + 1.01*sin(u)", "+ sin(u) -> - sin(u)", "rest"),
    "taylor_green": ("u_t + u*u_x -> u_t + 1.01*u*u_x", "v*u_y + p_x -> v*u_y - p_x", "initial_v"),
    "two_body": ("p_t = -x/ -> p_t = -1.01*x/", "q_t = -y/ -> q_t = y/", "q0"),
    "van_der_pol": ("mu: 1} -> mu: 1.01}", "*y - x -> *y + x", "y0"),
    "wave": ("u_tt = c**2*u_xx -> u_tt = 1.01*c**2*u_xx", "u_tt = c**2*u_xx -> u_tt = -c**2*u_xx", "rest"),
    "wave_2d": ("u_xx + u_yy -> u_xx + 1.01*u_yy", "u_xx + u_yy -> u_xx - u_yy", "rest"),
}
# fmt: on
MORE = {"allen_cahn": {"other data": "x**2*cos(pi*x) -> x**2*cos(1.01*pi*x)"}}

MUTATIONS = {
    name: {"a coefficient": coefficient, "a sign": sign, "a condition less": condition} | MORE.get(name, {})
    for name, (coefficient, sign, condition) in CHANGES.items()
}
